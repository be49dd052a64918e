/**
 * Which part of a topic may go on one node. Pure: the segments of its logs, the limits and the time in, and for each log
 * the offset before which whole segments go out.
 *
 * - What a deletion covers goes, all of it.
 * - By age a segment goes when its last frame is older than the limit.
 * - By bytes as many go as it takes to come within the limit; by records as many as leave at least the limit. Of all
 *   logs of the topic, those whose last frame is the oldest go first.
 *
 * The segment this run is writing never goes by a limit. That of a log which another node may still write goes by age
 * only; that of a finished log is one like all others.
 */

import { timestampMs } from './hlc.ts'
import { type LogId, logKey } from './log-id.ts'
import type { SegmentSummary } from './sparse-index.ts'

/** 0: no limit. */
export interface RetentionLimits {
  readonly maxAgeMs: number
  readonly maxBytes: number
  readonly maxRecords: number
  /** Hybrid time of the topic's last deletion; 0n: none. */
  readonly deletedAt: bigint
}

export interface RetainedLog {
  readonly id: LogId
  /** Oldest first. */
  readonly segments: readonly SegmentSummary[]
  /** `here`: by this run; `elsewhere`: by a run that may go on; `over`: by one that will not. */
  readonly written: 'here' | 'elsewhere' | 'over'
}

/** By log key, in the order in which they should go; logs that stay as they are are not in it. */
export function planTrims(logs: readonly RetainedLog[], limits: RetentionLimits, nowMs: number): Map<string, number> {
  const left = logs.map((log) => new Left(log))
  for (const log of left) {
    while (log.next && log.next.timestamp <= limits.deletedAt) log.take()
    if (limits.maxAgeMs === 0) continue
    while (log.next && log.mayGoByAge && nowMs - timestampMs(log.next.timestamp) > limits.maxAgeMs) log.take()
  }
  let bytes = sum(left, ({ bytes }) => bytes)
  let records = sum(left, ({ base, end }) => end - base)
  for (const { log, segment } of oldestFirst(left)) {
    const tooManyBytes = limits.maxBytes > 0 && bytes > limits.maxBytes
    const tooManyRecords = limits.maxRecords > 0 && records - (segment.end - segment.base) >= limits.maxRecords
    if (!tooManyBytes && !tooManyRecords) break
    bytes -= segment.bytes
    records -= segment.end - segment.base
    log.take()
  }
  const trims = left.flatMap((log) => (log.to === undefined ? [] : [[log.key, log.to] as const]))
  return new Map(trims)
}

/** What a log has left while it is decided. */
class Left {
  readonly key: string
  readonly #log: RetainedLog
  #taken = 0

  constructor(log: RetainedLog) {
    this.key = logKey(log.id)
    this.#log = log
  }

  /** The oldest segment that stays so far. */
  get next(): SegmentSummary | undefined {
    const segment = this.#log.segments[this.#taken]
    // An empty one is the bound that remembers what was trimmed.
    return segment && segment.bytes > 0 ? segment : undefined
  }

  get mayGoByAge(): boolean {
    return this.#log.written !== 'here' || !this.#nextIsLast
  }

  get mayGoBySize(): readonly SegmentSummary[] {
    const rest = this.rest.filter(({ bytes }) => bytes > 0)
    return this.#log.written === 'over' ? rest : rest.filter((segment) => segment !== this.#log.segments.at(-1))
  }

  get to(): number | undefined {
    return this.#log.segments[this.#taken - 1]?.end
  }

  get rest(): readonly SegmentSummary[] {
    return this.#log.segments.slice(this.#taken)
  }

  take(): void {
    this.#taken++
  }

  get #nextIsLast(): boolean {
    return this.#taken === this.#log.segments.length - 1
  }
}

function sum(logs: readonly Left[], of: (segment: SegmentSummary) => number): number {
  return logs.reduce((all, log) => all + log.rest.reduce((some, segment) => some + of(segment), 0), 0)
}

/** What may go for its size; of each log in its own order. */
function oldestFirst(logs: readonly Left[]): { readonly log: Left; readonly segment: SegmentSummary }[] {
  const all = logs.flatMap((log) => log.mayGoBySize.map((segment) => ({ log, segment })))
  return all.sort((one, other) => {
    const [a, b] = [one.segment.timestamp, other.segment.timestamp]
    if (a !== b) return a < b ? -1 : 1
    if (one.log.key !== other.log.key) return one.log.key < other.log.key ? -1 : 1
    return one.segment.base - other.segment.base
  })
}
