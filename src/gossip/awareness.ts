/**
 * How healthy this node believes itself to be (Lifeguard's local health multiplier): 0 is fine, higher means that our
 * own slowness may be why others seem not to answer, so we give them longer.
 */
export class Awareness {
  #score = 0
  readonly #max: number

  /** Scores stay within [0, max). */
  constructor(max: number) {
    this.#max = max
  }

  get score(): number {
    return this.#score
  }

  add(delta: number): void {
    this.#score = Math.min(Math.max(this.#score + delta, 0), this.#max - 1)
  }

  scale(durationMs: number): number {
    return durationMs * (this.#score + 1)
  }
}
