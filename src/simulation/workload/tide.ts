/**
 * How busy clients are in the course of a run. Real load comes in bursts with quiet in between, and so do different faults
 * meet either: what strikes a busy cluster, and what strikes one in which the next record may be the first for seconds. Long
 * runs also cost by what is asked in them, and thousands of questions between two faults find no more than hundreds.
 */

import type { SeededRandom } from '../random.ts'

/** In ms: how long a burst lasts, and the quiet behind it. */
const burst = { min: 3_000, max: 10_000 }
const quiet = { min: 5_000, max: 60_000 }
/** By so much every pause is longer than can be, in a burst and while it is quiet, at least and at most. */
const busy = { min: 1, max: 4 }
const slow = { min: 10, max: 50 }

export class Tide {
  readonly #random: SeededRandom
  #slowness = busy.min
  #isQuiet = false
  #turnsMs: number

  /** Begins with a burst, at its busiest: short runs have little more. */
  constructor(random: SeededRandom) {
    this.#random = random
    this.#turnsMs = random.between(burst.min, burst.max)
  }

  /** By what a pause that begins now is longer. Time must not go back from call to call. */
  slowness(nowMs: number): number {
    while (nowMs >= this.#turnsMs) {
      this.#isQuiet = !this.#isQuiet
      const [lasts, pauses] = this.#isQuiet ? [quiet, slow] : [burst, busy]
      this.#slowness = this.#random.between(pauses.min, pauses.max)
      this.#turnsMs += this.#random.between(lasts.min, lasts.max)
    }
    return this.#slowness
  }
}
