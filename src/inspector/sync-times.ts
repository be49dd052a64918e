import type { SyncLoad } from './facts.ts'

/** Of the last ones of a period the median is taken. */
const keptMax = 512

/** How long fsyncs took since somebody looked last. On the way of every commit: notes a number and no more. */
export class SyncTimes {
  readonly #lastMs = new Float64Array(keptMax)
  #count = 0
  #maxMs = 0

  note(ms: number): void {
    this.#lastMs[this.#count++ % keptMax] = ms
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  /** Undefined: there was none. */
  take(): SyncLoad | undefined {
    const count = this.#count
    if (count === 0) return undefined
    const kept = this.#lastMs.slice(0, Math.min(count, keptMax)).sort()
    const quantile = (share: number) => rounded(kept[Math.floor(share * kept.length)] as number)
    const load = { count, medianMs: quantile(0.5), p99Ms: quantile(0.99), maxMs: rounded(this.#maxMs) }
    this.#count = 0
    this.#maxMs = 0
    return load
  }
}

function rounded(ms: number): number {
  return Number(ms.toPrecision(3))
}
