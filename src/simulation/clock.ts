/** The clock of one process: virtual time, with a monotonic base of its own and a wall clock that may be wrong. */

import type { Clock, Timer } from '../env/env.ts'
import type { SimulatedEvent } from './event-heap.ts'
import type { Process } from './process.ts'

/** When every simulated world begins: 2024-01-01T00:00:00Z. */
export const worldBeganMs = 1_704_067_200_000

const longestTimerMs = 2 ** 31 - 1

/** How far the wall clock of a host is off. May be changed while the host runs. */
export interface ClockError {
  /** Added to the true time; a jump when changed. */
  offsetMs: number
  /** Parts per million by which it runs fast. */
  driftPpm: number
}

export class SimulatedClock implements Clock {
  readonly #process: Process
  readonly #error: ClockError
  readonly #baseMs: number

  /** `baseMs`: what the monotonic clock shows at the beginning of the world; differs by process, as on real machines. */
  constructor(process: Process, error: ClockError, baseMs: number) {
    this.#process = process
    this.#error = error
    this.#baseMs = baseMs
  }

  now(): number {
    return wallMs(this.#process.timeline.nowUs, this.#error)
  }

  monotonicMs(): number {
    return this.#baseMs + this.#process.timeline.nowUs / 1000
  }

  /** Like Node's: fractions are cut off, so it may fire early; less than 1 ms, more than 24.8 days and NaN are 1 ms. */
  setTimeout(callback: () => void, delayMs: number): Timer {
    const wholeMs = delayMs >= 1 && delayMs <= longestTimerMs ? Math.trunc(delayMs) : 1
    return this.#process.schedule('timer', wholeMs * 1000, callback) ?? {}
  }

  clearTimeout(timer: Timer | undefined): void {
    if (typeof timer === 'object' && 'place' in timer) this.#process.timeline.cancel(timer as SimulatedEvent)
  }
}

/** From now on it runs fast by so much; it does not jump. */
export function setDrift(nowUs: number, error: ClockError, driftPpm: number): void {
  error.offsetMs += ((nowUs / 1000) * (error.driftPpm - driftPpm)) / 1_000_000
  error.driftPpm = driftPpm
}

export function wallMs(nowUs: number, error: ClockError): number {
  return Math.floor(worldBeganMs + error.offsetMs + (nowUs / 1000) * (1 + error.driftPpm / 1_000_000))
}
