/**
 * A Lamport clock as Serf keeps three of: members, events, queries. Times are u64 on the wire; a time close to the end
 * or absurdly far ahead is refused, because witnessing it would take the order of everything after it away from all
 * members (Go's wraps to 0).
 */

const largestTime = 1n << 63n
/** A million ticks a second for twelve days: no honest clock runs ahead that far. */
const largestJump = 1n << 40n

export class LamportClock {
  #value: bigint

  /** Serf starts its clocks at 1. */
  constructor(value = 1n) {
    this.#value = value
  }

  time(): bigint {
    return this.#value
  }

  /** The time before the step: what a message that we send carries. */
  tick(): bigint {
    const time = this.#value
    this.#value += 1n
    return time
  }

  credible(time: bigint): boolean {
    return time < largestTime && time <= this.#value + largestJump
  }

  /** After having seen `time`, ours is later. Only credible times may be witnessed. */
  witness(time: bigint): void {
    if (time >= this.#value) this.#value = time + 1n
  }
}
