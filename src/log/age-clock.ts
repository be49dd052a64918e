/**
 * The time by which the age of records is judged. It is that of the wall clock for as long as that goes on evenly; a wall
 * clock that is suddenly far ahead is believed by and by only, as what goes by age does not come back: a day for each
 * hour, or at once as far as what others wrote proves it. One that falls back is followed at once: less goes then.
 */

/** So far ahead the wall clock may get without being doubted: clocks are set right now and then. */
const toleranceMs = 10 * 60_000
/** While it is doubted, this clock goes so many times as fast as the time that passes. */
const haste = 24

export interface AgeTime {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** How far the wall clock is ahead of it; 0: it is believed. */
  readonly aheadMs: number
}

export class AgeClock {
  #ms: number | undefined
  #monotonicMs = 0

  /**
   * `wallMs`: what the wall clock shows; `monotonicMs`: of a clock that never jumps; `proven`: asked in case of doubt, and
   * the first time, for the latest time that somebody else's clock has shown; undefined: nobody's.
   */
  read(wallMs: number, monotonicMs: number, proven: () => number | undefined): AgeTime {
    const before = this.#ms ?? proven() ?? wallMs
    const passedMs = this.#ms === undefined ? 0 : monotonicMs - this.#monotonicMs
    this.#monotonicMs = monotonicMs
    if (wallMs - (before + passedMs) <= toleranceMs) this.#ms = wallMs
    else this.#ms = Math.min(wallMs, Math.max(before + passedMs * haste, proven() ?? 0))
    return { nowMs: this.#ms, aheadMs: wallMs - this.#ms }
  }
}
