/**
 * Transitions of one actor on their way to the eye: however many happen within a frame, each is shown for a moment, in
 * its order; the more are waiting, the shorter.
 */

import type { TransitionRecord } from '../record.ts'

const longestMs = 900
const shortestMs = 80
/** So long all that wait take together, about. */
const togetherMs = 2500
/** More than these are not told apart anyway: the oldest are skipped. */
const waitingMax = 40

export class Pulses {
  readonly #changed: () => void
  #waiting: TransitionRecord[] = []
  #shown: TransitionRecord | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `changed`: another one is shown, or none. */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** What is to be seen now; undefined: all were shown. */
  get shown(): TransitionRecord | undefined {
    return this.#shown
  }

  get waiting(): number {
    return this.#waiting.length
  }

  add(records: readonly TransitionRecord[]): void {
    if (records.length === 0) return
    this.#waiting = [...this.#waiting, ...records].slice(-waitingMax)
    if (this.#timer === undefined) this.#next()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting = []
    this.#shown = undefined
  }

  #next(): void {
    this.#shown = this.#waiting.shift()
    const waiting = this.#waiting.length
    const showMs = waiting === 0 ? longestMs : Math.max(shortestMs, Math.min(longestMs, togetherMs / (waiting + 1)))
    this.#timer = this.#shown && setTimeout(() => this.#step(), showMs)
  }

  #step(): void {
    this.#next()
    this.#changed()
  }
}
