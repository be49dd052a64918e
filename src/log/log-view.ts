/** What a journal shows of its logs. */

import type { LogId } from './log-id.ts'
import type { Memory } from './memory.ts'
import type { SegmentSummary } from './sparse-index.ts'

export interface Appended {
  readonly log: LogId
  readonly baseOffset: number
  readonly recordCount: number
  readonly endOffset: number
  readonly timestamp: bigint
  /** It was there before: nothing was appended now. */
  readonly duplicate?: boolean
}

export interface LogSegments {
  readonly log: LogView
  readonly segments: readonly SegmentSummary[]
}

/** What can be read of a log. */
export interface LogView {
  readonly id: LogId
  readonly key: string
  /** Written by this run. */
  readonly own: boolean
  /** First offset that was not trimmed. */
  readonly start: number
  /** First offset that is still here: behind `start` where the beginning of the log is lost. Reads before it throw `DATA_CORRUPT`. */
  readonly held: number
  /** First offset that is not yet durable and visible. */
  readonly end: number
  readonly bytes: number
  /** Chain hash of the last visible frame; 0n when empty, or trimmed before this run. */
  readonly chain: bigint
  /** Hybrid time of the first frame that is still here; 0n when there is none, or it cannot be read. */
  readonly oldest: bigint
  /** Hybrid time of the last visible frame; 0n when there is none. */
  readonly newest: bigint
  /**
   * Chain hash of the visible frame that ends at `offset`; 0n at 0; undefined where none ends there or it is trimmed.
   * Throws `DATA_CORRUPT` where this copy is damaged there, `DISK_FAILED` where it cannot be read.
   */
  chainAt(offset: number): bigint | undefined
  /**
   * Whole verified frames as stored, back to back, in `memory` or else in fresh one. The first one contains `from`; at least one, then
   * no more than `maxBytes`. Empty at the end.
   *
   * Throws `OFFSET_TRIMMED` below `start` (facts: start, end), `DATA_CORRUPT`, `DISK_FAILED`.
   */
  read(from: number, maxBytes: number, memory?: Memory): Uint8Array
  /**
   * Brings what lies from this offset on into the system's memory, where it has to come from a device that is slow;
   * undefined: it can be read at once. Never fails: that is for `read` to tell.
   */
  fetch(from: number): Promise<void> | undefined
  /**
   * Offset of the first visible frame whose timestamp is not before `timeMs` (ms since 1970); `end` where there is none.
   * Throws `DATA_CORRUPT`, `DISK_FAILED`.
   */
  offsetAtTime(timeMs: number): number
}
