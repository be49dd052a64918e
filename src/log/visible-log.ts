/**
 * What is visible of one log: its segments, and where in them the topic's present life begins. Owns every read, and what
 * a failed one says. Never: writes a file, or adds to the segments; whoever makes the log grow or go changes their list,
 * which is one and the same for all.
 */

import { DiskError } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { timestampMs } from './hlc.ts'
import { type LogId, logKey } from './log-id.ts'
import type { LogView } from './log-view.ts'
import type { LogWorld } from './log-world.ts'
import type { Memory } from './memory.ts'
import type { Segment } from './segment.ts'
import type { TopicRules } from './settings.ts'
import type { SegmentSummary } from './sparse-index.ts'
import type { LostStart } from './start-mark.ts'

/** What a log is made of. */
export interface LogParts {
  readonly id: LogId
  readonly own: boolean
  readonly segments: Segment[]
  readonly lost?: LostStart | undefined
  readonly topic: { readonly rules: TopicRules }
}

export abstract class VisibleLog implements LogView {
  readonly id: LogId
  readonly key: string
  readonly own: boolean
  readonly #world: LogWorld
  readonly #segments: Segment[]
  readonly #topic: { readonly rules: TopicRules }
  /** Where the topic's present life begins in this log: what is before was deleted. */
  #floor = 0
  /** Of the frame at `start`, once somebody asked. */
  #oldest: { readonly start: number; readonly timestamp: bigint } | undefined
  #lost: LostStart | undefined
  /** Something of it is later than the topic's last deletion. */
  #lives = false

  constructor(world: LogWorld, { id, own, segments, lost, topic }: LogParts) {
    this.id = id
    this.key = logKey(id)
    this.own = own
    this.#world = world
    this.#segments = segments
    this.#topic = topic
    this.#lost = lost
  }

  protected get world(): LogWorld {
    return this.#world
  }

  /** The list itself, oldest first. */
  protected get segments(): Segment[] {
    return this.#segments
  }

  /** Its rules may change at any time. */
  protected get topic(): { readonly rules: TopicRules } {
    return this.#topic
  }

  /** As long as nothing of what follows it was trimmed. */
  get lost(): LostStart | undefined {
    const lost = this.#lost
    return lost && lost.to === this.#segments[0]?.base ? lost : undefined
  }

  set lost(lost: LostStart | undefined) {
    this.#lost = lost
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
  get summaries(): SegmentSummary[] {
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

  /** Somebody met damage in this segment. */
  protected abstract damaged(segment: Segment, offset: number): void

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
        this.damaged(segment, offset)
      }
      if (gone) throw new ReeveError('DATA_CORRUPT', `${segment.path} is gone`, { cause: error })
      if (error instanceof DiskError) {
        throw new ReeveError('DISK_FAILED', `${this.key} cannot be read: ${error.message}`, { cause: error })
      }
      if (error instanceof ReeveError && error.code === 'DATA_CORRUPT') {
        this.damaged(segment, offset)
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
