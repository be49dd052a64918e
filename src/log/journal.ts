/** All logs of a node. */

import type { Clock, Disk } from '../env/env.ts'
import type { JournalEvent } from './journal-event.ts'
import type { LogId } from './log-id.ts'
import type { Appended, LogSegments, LogView } from './log-view.ts'
import type { Placed } from './placed.ts'
import type { Claim } from './producers.ts'
import type { LogSettings, TopicRules } from './settings.ts'
import type { Soundness } from './soundness.ts'

export type { JournalEvent } from './journal-event.ts'
export type { Appended, LogSegments, LogView } from './log-view.ts'
export type { Placed } from './placed.ts'

export interface Journal {
  /** This node's name, the origin of its own logs. */
  readonly node: string
  /** This run. */
  readonly epoch: string
  /**
   * Appends to this run's own log of the topic, which the first append creates. `batch` must have passed `checkBatch`
   * with `recordCount` records. Resolves once the group it went with is durable and visible. With a `claim`, a batch
   * that some log of this node has already is not appended again: the answer is where it lies.
   *
   * Rejects with `TOPIC_NAME_INVALID`, `BATCH_TOO_LARGE`, `OVERLOADED`, `DISK_FULL`, `DISK_FAILED`, `LOG_FAILED` or
   * `NODE_STOPPING`; with a `claim` also `PRODUCER_CONFLICT`, `PRODUCER_OUT_OF_ORDER`, and `DATA_CORRUPT` where what
   * it may repeat is damaged here.
   */
  append(topic: string, batch: Uint8Array, recordCount: number, claim?: Claim | undefined): Promise<Appended>
  /**
   * The same for whoever appends very many: gives the batch its place at once, and shares one promise of its durability
   * with all that go to the disk together. Throws what `append` rejects with where that is known at once.
   */
  place(topic: string, batch: Uint8Array, recordCount: number): Placed
  /**
   * Extends a copy by whole frames that begin at its end, or overlap it with what it holds already. Resolves with the
   * copy's durable end.
   *
   * Rejects with nothing written: `LOG_DIVERGED` where the frames contradict the copy (or the log is this run's own),
   * `DATA_CORRUPT` where they are damaged or leave a gap; else as `append`, but never `OVERLOADED`: whoever calls this
   * bounds what it has under way.
   */
  replicate(id: LogId, frames: Uint8Array): Promise<number>
  /** Undefined while nothing of it is visible here. */
  log(id: LogId): LogView | undefined
  logs(): LogView[]
  topicLogs(topic: string): LogView[]
  /** Sorted. */
  topics(): string[]
  /** A hybrid time that is later than all this node has given or seen. */
  timestamp(): bigint
  /** In force for this topic from now on; what is not later than `deletedAt` is hidden before this returns. */
  rule(topic: string, rules: TopicRules): void
  /** The logs of the topic with their segments, oldest first; what a deletion hides is still among them. */
  segments(topic: string): LogSegments[]
  /**
   * Removes the segments that end at `to` or before, one after the other; `next` is awaited in between, false ends it.
   * The end is kept whatever goes. Resolves with false where the log's last segment was to go too but is being written:
   * a later call may succeed. Rejects with `DISK_FAILED`; what is left is whole.
   */
  trim(id: LogId, to: number, next: () => Promise<boolean>): Promise<boolean>
  /** Lets the next frame of this run's own log begin a new segment: what is before it can then be trimmed. */
  roll(topic: string): void
  /**
   * Lets a copy that ends before `start` go on there, with a hole before it: nobody has what would come next. What it
   * held goes, or is set aside where nothing of that topic may go here. Rejects with `DISK_FAILED` or as `replicate`.
   */
  beginAt(id: LogId, start: number): Promise<void>
  /** Damage that was found and not mended yet. */
  readonly soundness: Soundness
  /** Called after a log went on in a new segment. Returns what unsubscribes. */
  onRoll(listener: (log: LogView) => void): () => void
  /** Called after a log's start moved. Returns what unsubscribes. */
  onTrim(listener: (log: LogView) => void): () => void
  /** Called after a log's visible end moved (it appears with its first frame) or it was mended. Returns what unsubscribes. */
  onCommit(listener: (log: LogView) => void): () => void
  /** Refuses new appends, waits for those that wait for the disk, releases the folder. */
  close(): Promise<void>
}

export interface JournalOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly dataDir: string
  readonly node: string
  readonly epoch: string
  readonly settings: LogSettings
  readonly report: (event: JournalEvent) => void
}
