import type { Clock } from '../env/env.ts'

const windowMs = 10_000
const linesPerWindow = 10

/** Lines at a rate that nobody outside can drive up: the first ones of each ten seconds. */
export class LogWindow {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #startMs = Number.NEGATIVE_INFINITY
  #lines = 0

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Whether one more is let through. `leftOut` is told of those that were not, once, with the first one after them. */
  admits(leftOut: (count: number) => void): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#startMs >= windowMs) {
      if (this.#lines > linesPerWindow) leftOut(this.#lines - linesPerWindow)
      this.#startMs = nowMs
      this.#lines = 0
    }
    this.#lines += 1
    return this.#lines <= linesPerWindow
  }
}
