/**
 * What is to be done when: the timers of the core. Nothing here waits; whoever drives the core asks for `nextMs` and
 * calls `run` then. Entries due at the same moment run in the order in which they were scheduled.
 */

export interface Appointment {
  atMs: number
  readonly action: (nowMs: number) => void
  readonly punctual: boolean
}

export class Agenda {
  /** Sorted by `atMs`, latest first, so that the next one is at the end. */
  readonly #entries: Appointment[] = []

  /** `punctual`: stays where it is when everything else is postponed. */
  at(atMs: number, action: (nowMs: number) => void, punctual = false): Appointment {
    const entry = { atMs, action, punctual }
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Appointment).atMs > atMs) low = middle + 1
      else high = middle
    }
    this.#entries.splice(low, 0, entry)
    return entry
  }

  /** Harmless when it has run already. */
  cancel(entry: Appointment | undefined): void {
    const index = entry ? this.#entries.lastIndexOf(entry) : -1
    if (index >= 0) this.#entries.splice(index, 1)
  }

  /** Infinity: nothing is planned. */
  get nextMs(): number {
    return this.#entries.at(-1)?.atMs ?? Number.POSITIVE_INFINITY
  }

  /** Runs everything that is due, also what gets due meanwhile. */
  run(nowMs: number): void {
    for (let next = this.#entries.at(-1); next && next.atMs <= nowMs; next = this.#entries.at(-1)) {
      this.#entries.pop()
      next.action(nowMs)
    }
  }

  /** Everything planned, and what is overdue, happens so much later; but what is punctual. */
  postpone(byMs: number): void {
    for (const entry of this.#entries) if (!entry.punctual) entry.atMs += byMs
    this.#entries.sort((a, b) => b.atMs - a.atMs)
  }

  /** Calls `action` every `intervalMs`, first at `firstMs`; after a delay it skips what it missed. `intervalMs` is asked each time. */
  every(firstMs: number, intervalMs: () => number, action: (nowMs: number) => void): void {
    const step = (atMs: number) => {
      const entry = this.at(atMs, (nowMs) => {
        action(nowMs)
        const nextMs = entry.atMs + intervalMs()
        step(nextMs > nowMs ? nextMs : nowMs + intervalMs())
      })
    }
    step(firstMs)
  }
}
