/** All logs of a node. */

import type { Clock, Disk } from '../env/env.ts'
import type { LogId } from './log-id.ts'
import type { LogSettings } from './settings.ts'

export interface Journal {
  /** This node's name, the origin of its own logs. */
  readonly node: string
  /** This run. */
  readonly epoch: string
  /**
   * Appends to this run's own log of the topic, which the first append creates. `batch` must have passed `checkBatch`
   * with `recordCount` records. Resolves once the group it went with is durable and visible.
   *
   * Rejects with `TOPIC_NAME_INVALID`, `BATCH_TOO_LARGE`, `OVERLOADED`, `DISK_FULL`, `DISK_FAILED`, `LOG_FAILED` or
   * `NODE_STOPPING`.
   */
  append(topic: string, batch: Uint8Array, recordCount: number): Promise<Appended>
  /**
   * Extends a copy by whole frames that begin at its end, or overlap it with what it holds already. Resolves with the
   * copy's durable end.
   *
   * Rejects with nothing written: `LOG_DIVERGED` where the frames contradict the copy (or the log is this run's own),
   * `DATA_CORRUPT` where they are damaged or leave a gap; else as `append`.
   */
  replicate(id: LogId, frames: Uint8Array): Promise<number>
  /** Undefined while nothing of it is visible here. */
  log(id: LogId): LogView | undefined
  logs(): LogView[]
  topicLogs(topic: string): LogView[]
  /** Sorted. */
  topics(): string[]
  /** Called after a log's visible end moved; a log appears with its first visible frame. Returns what unsubscribes. */
  onCommit(listener: (log: LogView) => void): () => void
  /** Refuses new appends, waits for those that wait for the disk, releases the folder. */
  close(): Promise<void>
}

export interface Appended {
  readonly log: LogId
  readonly baseOffset: number
  readonly recordCount: number
  readonly endOffset: number
  readonly timestamp: bigint
}

/** What can be read of a log. */
export interface LogView {
  readonly id: LogId
  readonly key: string
  /** Written by this run. */
  readonly own: boolean
  /** First offset that is still here. */
  readonly start: number
  /** First offset that is not yet durable and visible. */
  readonly end: number
  readonly bytes: number
  /** Chain hash of the last visible frame; 0n when empty. */
  readonly chain: bigint
  /**
   * Chain hash of the visible frame that ends at `offset`; 0n at 0; undefined where none ends there or it is trimmed.
   * Throws `DATA_CORRUPT` where this copy is damaged there, `DISK_FAILED` where it cannot be read.
   */
  chainAt(offset: number): bigint | undefined
  /**
   * Whole verified frames as stored, back to back, in fresh memory. The first one contains `from`; at least one, then
   * no more than `maxBytes`. Empty at the end.
   *
   * Throws `OFFSET_TRIMMED` below `start` (facts: start, end), `DATA_CORRUPT`, `DISK_FAILED`.
   */
  read(from: number, maxBytes: number): Uint8Array
}

/** What the node should know of its logs; `log` is a log key. */
export type JournalEvent =
  /** A frame that was being written when the node went down was cut off; it was never visible. */
  | { readonly kind: 'tailCut'; readonly log: string; readonly end: number; readonly cutBytes: number }
  /** Damage was found at opening: what lies from `end` on was set aside in `folder`, to be pulled again from a peer. */
  | { readonly kind: 'damaged'; readonly log: string; readonly end: number; readonly folder: string }
  /** Damage was found by a read; nothing of it was served. It is set aside at the next opening. */
  | { readonly kind: 'corrupt'; readonly log: string; readonly offset: number; readonly path: string }
  /** The disk refused a write for want of space; appends are tried again. Reported once until it is over. */
  | { readonly kind: 'full'; readonly log: string; readonly message: string }
  | { readonly kind: 'fullOver'; readonly log: string }
  /** The log takes no more appends in this run: what the disk holds of the last group is not known. */
  | { readonly kind: 'failed'; readonly log: string; readonly message: string }
  /** Something that is not ours lies in the data folder; it is left alone. */
  | { readonly kind: 'ignored'; readonly path: string; readonly reason: string }
  /** A commit listener threw. */
  | { readonly kind: 'listenerFailed'; readonly log: string; readonly message: string }

export interface JournalOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly dataDir: string
  readonly node: string
  readonly epoch: string
  readonly settings: LogSettings
  readonly report: (event: JournalEvent) => void
}

/** Rejects with `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE` or `NODE_NAME_INVALID`. */
export declare function openJournal(options: JournalOptions): Promise<Journal>
