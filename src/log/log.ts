/**
 * One log: reads of what is visible, and the two ways it grows. This run's own log is extended by batches, a copy by
 * frames exactly as its origin made them; a log is never both.
 */

import { DiskError } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { type ArrivingMark, checkArriving, corruptFrames, diverged } from './arriving.ts'
import { chainSeed, frameBodyMaxBytes, type ProducerMark, readHeader, storedChain, verifies } from './frame.ts'
import { timestampMs } from './hlc.ts'
import type { LogView } from './journal.ts'
import { type LogId, logKey } from './log-id.ts'
import type { LogWorld } from './log-world.ts'
import { LogWriter } from './log-writer.ts'
import type { Memory } from './memory.ts'
import type { Mendable } from './mend.ts'
import { type Placed, PlacedBatch } from './placed.ts'
import type { Segment } from './segment.ts'
import type { TopicRules } from './settings.ts'
import type { SoundLog } from './soundness.ts'
import type { SegmentSummary } from './sparse-index.ts'
import type { LostStart } from './start-mark.ts'
import { beginAnew, trimLog } from './trimming.ts'

/** What a log tells its journal, and asks it. */
export interface LogKeeper {
  makeFolder(id: LogId): void
  /** `rolled`: with a segment that follows another one. */
  committed(log: Log, rolled: boolean): void
  /** A copy takes in these batches. Returns what is called when they are `durable`, or will not be. */
  arriving(copy: Log, marked: readonly ArrivingMark[], durable: Promise<void>): () => void
  /** Later than all this node has given or seen. */
  timestamp(): bigint
}

export class Log implements LogView, SoundLog {
  readonly id: LogId
  readonly key: string
  readonly own: boolean
  readonly #world: LogWorld
  readonly #segments: Segment[]
  readonly #folder: string
  #madeWriter: LogWriter | undefined
  readonly #topic: { readonly rules: TopicRules }
  /** Where the topic's present life begins in this log: what is before was deleted. */
  #floor = 0
  /** Of the frame at `start`, once somebody asked. */
  #oldest: { readonly start: number; readonly timestamp: bigint } | undefined
  /** How many segments there were at the last commit. */
  #segmentsSeen: number
  #lost: LostStart | undefined
  /** Its journal lists it. */
  shown = false
  /** Something of it is later than the topic's last deletion. */
  #lives = false
  readonly #journal: LogKeeper
  /** The last frames that wait until those under way are durable: whatever arrives meanwhile belongs behind them. */
  #waiting: Promise<void> | undefined

  constructor(
    world: LogWorld,
    log: {
      id: LogId
      own: boolean
      folder: string
      segments: Segment[]
      lost?: LostStart | undefined
      topic: { readonly rules: TopicRules }
    },
    journal: LogKeeper,
  ) {
    this.id = log.id
    this.key = logKey(log.id)
    this.own = log.own
    this.#world = world
    this.#segments = log.segments
    this.#lost = log.lost
    this.#journal = journal
    this.#segmentsSeen = log.segments.length
    this.#folder = log.folder
    this.#topic = log.topic
    this.applyDeletion()
  }

  /** Made when it is needed: most logs are finished ones, and never write. */
  get #writer(): LogWriter {
    this.#madeWriter ??= new LogWriter(this.#world, {
      key: this.key,
      folder: this.#folder,
      segments: this.#segments,
      firstChain: chainSeed(this.id),
      topic: this.#topic,
      makeFolder: () => this.#journal.makeFolder(this.id),
      pending: this.own ? this.#world.pending : undefined,
      committed: () => {
        this.applyDeletion()
        const rolled = this.#segments.length > Math.max(1, this.#segmentsSeen)
        this.#segmentsSeen = this.#segments.length
        this.#journal.committed(this, rolled)
      },
      timestamp: () => {
        // Where the deletion came from a clock far ahead of ours: what is written after it must live.
        const { deletedAt } = this.#topic.rules
        const timestamp = this.#journal.timestamp()
        return timestamp > deletedAt ? timestamp : deletedAt + 1n
      },
    })
    return this.#madeWriter
  }

  get mendable(): Mendable {
    const writer = () => this.#writer
    return {
      id: this.id,
      folder: this.#folder,
      segments: this.#segments,
      makeFolder: () => this.#journal.makeFolder(this.id),
      world: this.#world,
      get writer() {
        return writer()
      },
    }
  }

  mended(): void {
    // What is there again may be later than the topic's deletion.
    this.applyDeletion(true)
    this.#journal.committed(this, false)
  }

  /** As long as nothing of what follows it was trimmed. */
  get lost(): LostStart | undefined {
    const lost = this.#lost
    return lost && lost.to === this.#segments[0]?.base ? lost : undefined
  }

  set lost(lost: LostStart | undefined) {
    this.#lost = lost
  }

  get segmentMaxBytes(): number {
    return this.#topic.rules.segmentMaxBytes
  }

  get start(): number {
    return Math.max(this.#floor, this.#isLost ? (this.lost as LostStart).from : this.held)
  }

  get held(): number {
    return this.#segments[0]?.base ?? 0
  }

  get #isLost(): boolean {
    return this.#lost !== undefined && this.lost?.unmarked === false
  }

  /** Oldest first, the one that is being written last. */
  get segments(): SegmentSummary[] {
    return this.#segments.map(({ summary }) => summary)
  }

  get end(): number {
    return this.#segments.at(-1)?.end ?? 0
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  get chain(): bigint {
    return this.#segments.at(-1)?.chain ?? 0n
  }

  /** Of the last visible frame. */
  get timestamp(): bigint {
    return this.#segments.at(-1)?.timestamp ?? 0n
  }

  get newest(): bigint {
    return this.start < this.end ? this.timestamp : 0n
  }

  get oldest(): bigint {
    const { start } = this
    if (start === this.end) return 0n
    if (this.#oldest?.start === start) return this.#oldest.timestamp
    try {
      const timestamp = this.#reading(start, (segment) => segment.timestampAt(this.#world.files, start))
      this.#oldest = { start, timestamp }
      return timestamp
    } catch {
      return 0n
    }
  }

  chainAt(offset: number): bigint | undefined {
    if (offset === 0) return 0n
    if (offset === this.end) return this.chain
    if (!Number.isInteger(offset) || offset <= this.start || offset > this.end) return undefined
    return this.#reading(offset - 1, (segment) => segment.chainAt(this.#world.files, offset))
  }

  read(from: number, maxBytes: number, memory?: Memory): Uint8Array {
    if (from >= this.end) return new Uint8Array(0)
    if (!(from >= this.start)) {
      throw new ReeveError('OFFSET_TRIMMED', `${this.key} begins at ${this.start}, ${from} was asked for`, {
        facts: { start: String(this.start), end: String(this.end) },
      })
    }
    return this.#reading(from, (segment) => segment.read(this.#world.files, from, maxBytes, memory))
  }

  fetch(from: number): Promise<void> | undefined {
    if (!(from >= this.start && from < this.end)) return undefined
    try {
      return this.#reading(from, (segment) => segment.fetch(this.#world.files, from))
    } catch {
      return undefined
    }
  }

  offsetAtTime(timeMs: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (timestampMs((this.#segments[middle] as Segment).timestamp) < timeMs) low = middle + 1
      else high = middle
    }
    const found = this.#segments[low]
    if (!found) return this.end
    const offset = this.#reading(found.base, (segment) => segment.offsetAtTime(this.#world.files, timeMs))
    // What is lost before it may be as late, too.
    if (offset === this.held) return this.start
    return Math.max(offset, this.start)
  }

  /** `batch` must have passed `checkBatch` with `recordCount` records. Throws what `Journal.append` rejects with. */
  append(batch: Uint8Array, recordCount: number, producer?: ProducerMark | undefined): Placed {
    if (batch.length > frameBodyMaxBytes) {
      throw new ReeveError('BATCH_TOO_LARGE', `a batch of ${batch.length} bytes; the limit is ${frameBodyMaxBytes}`)
    }
    const { offset } = this.#writer.tail
    return new PlacedBatch(this.id, offset, recordCount, this.#writer.append(batch, recordCount, producer))
  }

  /** Hides what is not later than the topic's last deletion. `anew`: there was one since. True when the start moved. */
  applyDeletion(anew = false): boolean {
    const { deletedAt } = this.#topic.rules
    if (deletedAt === 0n || (this.#lives && !anew)) return false
    const before = this.start
    const first = this.#segments.find(({ timestamp }) => timestamp > deletedAt)
    this.#lives = first !== undefined
    this.#floor = this.end
    if (first) {
      try {
        this.#floor = this.#reading(first.base, (segment) => segment.firstAfter(this.#world.files, deletedAt))
      } catch {
        // It cannot be read, and so not served either; that was reported.
        this.#floor = first.base
      }
    }
    return this.start !== before
  }

  /** See `Journal.trim`. */
  trim(to: number, next: (bytes: number) => Promise<boolean>): Promise<boolean> {
    return trimLog(this.mendable, to, next)
  }

  /** The next frame begins a new segment, so that what is before can be trimmed. */
  roll(): void {
    this.#writer.roll()
  }

  /** See `Journal.beginAt`; undefined where the log reaches `start` already. */
  async beginAt(start: number): Promise<{ readonly folder: string | undefined } | undefined> {
    let begun: { readonly folder: string | undefined } | undefined
    await this.#inTurn(async () => {
      while (!this.#writer.quiet) await this.#writer.idle()
      if (this.end >= start) return
      begun = { folder: await beginAnew(this.mendable, start, !this.#topic.rules.expires) }
      this.applyDeletion(true)
    })
    return begun
  }

  /** See `Journal.replicate`. `accepted` learns the timestamp of the last frame. */
  async replicate(frames: Uint8Array, accepted: (timestamp: bigint) => void): Promise<number> {
    if (this.#waiting || this.#overlapsUnderWay(frames)) {
      await this.#inTurn(async () => {
        while (this.#overlapsUnderWay(frames)) await this.#writer.idle()
      })
    }
    const fresh = frames.subarray(this.#held(frames))
    if (fresh.length === 0) return this.end
    const { timestamp, marked, newer } = checkArriving(this.key, fresh, this.#writer.tail)
    const pushed = this.#writer.push(fresh.subarray(0, newer?.position))
    accepted(timestamp)
    const decided = marked.length > 0 ? this.#journal.arriving(this, marked, pushed) : undefined
    try {
      // What comes behind a frame that is not known here must not be taken for a gap before this is over.
      await (newer ? this.#inTurn(() => pushed) : pushed)
    } finally {
      decided?.()
    }
    if (newer) throw newer.error
    return this.end
  }

  /** Takes no more; resolves when nothing waits for the disk. */
  close(): Promise<void> {
    return this.#madeWriter?.close() ?? Promise.resolve()
  }

  /** They may be the same frames from another peer: whether they agree can be told when those are durable. */
  #overlapsUnderWay(frames: Uint8Array): boolean {
    const { offset } = this.#writer.tail
    const first = readHeader(frames, 0)
    return first !== undefined && first.baseOffset < offset && this.end < offset
  }

  /** After all that waits already, whatever came of it. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#waiting?.catch(() => {})
    const turn = before ? before.then(work) : work()
    this.#waiting = turn
    try {
      await turn
    } finally {
      if (this.#waiting === turn) this.#waiting = undefined
    }
  }

  /** How many bytes of these frames the copy holds already; throws where they differ from what it holds. */
  #held(frames: Uint8Array): number {
    let at = 0
    while (at < frames.length) {
      const header = readHeader(frames, at)
      if (!header || header.baseOffset >= this.#writer.tail.offset) break
      const frame = frames.subarray(at, at + header.bytes)
      if (frame.length < header.bytes || !verifies(frame)) throw corruptFrames(this.key, at, 'checksum')
      if (this.chainAt(header.endOffset) !== storedChain(frame)) throw diverged(this.key, header.baseOffset)
      at += header.bytes
    }
    return at
  }

  #reading<T>(offset: number, work: (segment: Segment) => T): T {
    if (offset < this.held) {
      throw new ReeveError('DATA_CORRUPT', `${this.key} has lost what is before ${this.held}; it is asked of peers`)
    }
    const segment = this.#segmentOf(offset)
    try {
      return work(segment)
    } catch (error) {
      const gone = error instanceof DiskError && error.code === 'ENOENT'
      if (gone || (error instanceof DiskError && error.code === 'EIO')) {
        this.#world.soundness.found(this, segment, offset)
      }
      if (gone) throw new ReeveError('DATA_CORRUPT', `${segment.path} is gone`, { cause: error })
      if (error instanceof DiskError) {
        throw new ReeveError('DISK_FAILED', `${this.key} cannot be read: ${error.message}`, { cause: error })
      }
      if (error instanceof ReeveError && error.code === 'DATA_CORRUPT') {
        this.#world.soundness.found(this, segment, offset)
      }
      throw error
    }
  }

  #segmentOf(offset: number): Segment {
    let low = 0
    let high = this.#segments.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#segments[middle] as Segment).base <= offset) low = middle
      else high = middle - 1
    }
    return this.#segments[low] as Segment
  }
}
