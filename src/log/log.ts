/**
 * One log, and the two ways it grows behind what is visible. This run's own log is extended by batches, a copy by frames
 * exactly as its origin made them; a log is never both.
 */

import { ReeveError } from '../errors.ts'
import { type ArrivingMark, checkArriving, corruptFrames, diverged } from './arriving.ts'
import { chainSeed, frameBodyMaxBytes, type ProducerMark, readHeader, storedChain, verifies } from './frame.ts'
import type { LogId } from './log-id.ts'
import type { LogWorld } from './log-world.ts'
import { LogWriter } from './log-writer.ts'
import type { Mendable } from './mend.ts'
import { type Placed, PlacedBatch } from './placed.ts'
import type { Segment } from './segment.ts'
import type { SoundLog } from './soundness.ts'
import { beginAnew, trimLog } from './trimming.ts'
import { type LogParts, VisibleLog } from './visible-log.ts'

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

export class Log extends VisibleLog implements SoundLog {
  readonly #folder: string
  #madeWriter: LogWriter | undefined
  /** How many segments there were at the last commit. */
  #segmentsSeen: number
  /** Its journal lists it. */
  shown = false
  readonly #journal: LogKeeper
  /** The last frames that wait until those under way are durable: whatever arrives meanwhile belongs behind them. */
  #waiting: Promise<void> | undefined

  constructor(world: LogWorld, log: LogParts & { readonly folder: string }, journal: LogKeeper) {
    super(world, log)
    this.#journal = journal
    this.#segmentsSeen = log.segments.length
    this.#folder = log.folder
    this.applyDeletion()
  }

  /** Made when it is needed: most logs are finished ones, and never write. */
  get #writer(): LogWriter {
    this.#madeWriter ??= new LogWriter(this.world, {
      key: this.key,
      folder: this.#folder,
      segments: this.segments,
      firstChain: chainSeed(this.id),
      topic: this.topic,
      makeFolder: () => this.#journal.makeFolder(this.id),
      pending: this.own ? this.world.pending : undefined,
      committed: () => {
        this.applyDeletion()
        const rolled = this.segments.length > Math.max(1, this.#segmentsSeen)
        this.#segmentsSeen = this.segments.length
        this.#journal.committed(this, rolled)
      },
      timestamp: () => {
        // Where the deletion came from a clock far ahead of ours: what is written after it must live.
        const { deletedAt } = this.topic.rules
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
      segments: this.segments,
      makeFolder: () => this.#journal.makeFolder(this.id),
      world: this.world,
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

  get segmentMaxBytes(): number {
    return this.topic.rules.segmentMaxBytes
  }

  /** `batch` must have passed `checkBatch` with `recordCount` records. Throws what `Journal.append` rejects with. */
  append(batch: Uint8Array, recordCount: number, producer?: ProducerMark | undefined): Placed {
    if (batch.length > frameBodyMaxBytes) {
      throw new ReeveError('BATCH_TOO_LARGE', `a batch of ${batch.length} bytes; the limit is ${frameBodyMaxBytes}`)
    }
    const { offset } = this.#writer.tail
    return new PlacedBatch(this.id, offset, recordCount, this.#writer.append(batch, recordCount, producer))
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
      begun = { folder: await beginAnew(this.mendable, start, !this.topic.rules.expires) }
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

  protected damaged(segment: Segment, offset: number): void {
    this.world.soundness.found(this, segment, offset)
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
}
