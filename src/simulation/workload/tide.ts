/**
 * How busy clients are in the course of a run. Real load comes in bursts with quiet in between, and so do different faults
 * meet either: what strikes a busy cluster, and what strikes one in which the next record may be the first for seconds. Long
 * runs also cost by what is asked in them, and thousands of questions between two faults find no more than hundreds.
 */

import type { SeededRandom } from '../random.ts'

/** In ms: how long a burst lasts, and the quiet behind it. */
const burst = { min: 3_000, max: 10_000 }
const quiet = { min: 5_000, max: 60_000 }
/** By so much every pause is longer while it is quiet, at least and at most. */
const slowest = { min: 10, max: 50 }

export class Tide {
  readonly #random: SeededRandom
  #slowness = 1
  #turnsMs: number

  /** Begins with a burst. */
  constructor(random: SeededRandom) {
    this.#random = random
    this.#turnsMs = random.between(burst.min, burst.max)
  }

  /** By what a pause that begins now is longer. Time must not go back from call to call. */
  slowness(nowMs: number): number {
    while (nowMs >= this.#turnsMs) {
      const isQuiet = this.#slowness === 1
      const lasts = isQuiet ? quiet : burst
      this.#slowness = isQuiet ? this.#random.between(slowest.min, slowest.max) : 1
      this.#turnsMs += this.#random.between(lasts.min, lasts.max)
    }
    return this.#slowness
  }
}
