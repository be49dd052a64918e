/**
 * Hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): near the wall clock, never going back, and
 * ahead of everything this node has seen. A timestamp is milliseconds since 1970 << 16 | counter.
 */

/** How far ahead of the wall clock a timestamp from elsewhere may pull ours: one wrong clock must not move them all. */
const driftMaxMs = 60_000

const counterMax = 0xffff

export class HybridClock {
  #ms = 0
  #counter = 0

  /** Greater than every timestamp given or accepted before. */
  next(nowMs: number): bigint {
    const wholeMs = Math.floor(nowMs)
    if (wholeMs > this.#ms) {
      this.#ms = wholeMs
      this.#counter = 0
    } else if (this.#counter < counterMax) this.#counter++
    else {
      this.#ms++
      this.#counter = 0
    }
    return (BigInt(this.#ms) << 16n) | BigInt(this.#counter)
  }

  /** Takes note of a timestamp from another node or run. */
  observe(timestamp: bigint, nowMs: number): void {
    const ms = timestampMs(timestamp)
    const counter = Number(timestamp & 0xffffn)
    if (ms > nowMs + driftMaxMs) return
    if (ms > this.#ms) {
      this.#ms = ms
      this.#counter = counter
    } else if (ms === this.#ms && counter > this.#counter) this.#counter = counter
  }
}

/** Milliseconds since 1970 of a timestamp. */
export function timestampMs(timestamp: bigint): number {
  return Number(timestamp >> 16n)
}
