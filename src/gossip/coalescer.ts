/**
 * Makes one of many: facts that come in bursts are held for a while, and then only what counts in the end is told. Owns
 * what is held and for how long; whoever wants facts coalesced puts them in, asks when to look again, and takes them out.
 *
 * The first fact that is held begins a period, and every one begins a pause anew; when either is over all are told.
 */

export interface CoalescerTiming {
  /** Nothing is held for longer. */
  readonly periodMs: number
  /** When nothing came for this long, what is held is told. */
  readonly quietMs: number
}

/** Those of Serf's agent. */
export const agentTiming: CoalescerTiming = { periodMs: 3000, quietMs: 1000 }

/** What is kept of the facts put in, for one kind of them. */
export interface Kept<Fact, Told> {
  /** False: not to be held; it is told at once. */
  put(fact: Fact): boolean
  /** What is to be told now; nothing of it is kept. */
  take(): Told[]
}

export class Coalescer<Fact, Told = Fact> {
  readonly #kept: Kept<Fact, Told>
  readonly #timing: CoalescerTiming
  #periodEndMs = Number.POSITIVE_INFINITY
  #quietEndMs = Number.POSITIVE_INFINITY

  constructor(kept: Kept<Fact, Told>, timing = agentTiming) {
    this.#kept = kept
    this.#timing = timing
  }

  /** False: it is none of those that are held, and should be told now. */
  put(fact: Fact, nowMs: number): boolean {
    if (!this.#kept.put(fact)) return false
    if (this.#periodEndMs === Number.POSITIVE_INFINITY) this.#periodEndMs = nowMs + this.#timing.periodMs
    this.#quietEndMs = nowMs + this.#timing.quietMs
    return true
  }

  /** When to `take` next; Infinity: nothing is held. */
  get nextMs(): number {
    return Math.min(this.#periodEndMs, this.#quietEndMs)
  }

  /** What is due. */
  take(nowMs: number): Told[] {
    if (nowMs < this.nextMs) return []
    this.#periodEndMs = Number.POSITIVE_INFINITY
    this.#quietEndMs = Number.POSITIVE_INFINITY
    return this.#kept.take()
  }
}
