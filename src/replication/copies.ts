/**
 * Who holds how much of the logs this node writes: what `copies` of a produce counts. Pure and without time.
 *
 * Owns: the last end each replica has stated as fsynced, and who waits for how many of them.
 * Never: counts what a replica was merely sent; takes the word of anybody but the replica itself; asks gossip.
 */

/** A wait that was not over yet is dropped; its `done` is not called. */
export type CancelWait = () => void

interface Waiter {
  readonly end: number
  readonly copies: number
  readonly done: (copies: number) => void
}

export class Copies {
  readonly #ends = new Map<string, Map<string, number>>()
  readonly #waiters = new Map<string, Set<Waiter>>()

  /**
   * Replica `node` has fsynced the log up to `end`. The last statement counts, also when it is lower than one before: a
   * replica whose disk was replaced has what it says now, not what it once had.
   */
  note(node: string, logKey: string, end: number): void {
    let ends = this.#ends.get(logKey)
    if (!ends) {
      ends = new Map()
      this.#ends.set(logKey, ends)
    }
    ends.set(node, end)
    const waiters = this.#waiters.get(logKey)
    if (!waiters) return
    for (const waiter of waiters) {
      if (end < waiter.end) continue
      const copies = this.count(logKey, waiter.end)
      if (copies < waiter.copies) continue
      this.#drop(logKey, waiter)
      waiter.done(copies)
    }
  }

  /** What this replica stated counts no more: its member was reaped. */
  forget(node: string): void {
    for (const [logKey, ends] of this.#ends) {
      ends.delete(node)
      if (ends.size === 0) this.#ends.delete(logKey)
    }
  }

  /** Nodes that have every record below `end`, the log's own writer included: it never offers what it has not fsynced. */
  count(logKey: string, end: number): number {
    let copies = 1
    for (const noted of this.#ends.get(logKey)?.values() ?? []) if (noted >= end) copies++
    return copies
  }

  /** Calls `done` once, as soon as at least `copies` nodes have every record below `end`; at once when they have. */
  when(logKey: string, end: number, copies: number, done: (copies: number) => void): CancelWait {
    const now = this.count(logKey, end)
    if (now >= copies) {
      done(now)
      return () => {}
    }
    const waiter: Waiter = { end, copies, done }
    const waiters = this.#waiters.get(logKey)
    if (waiters) waiters.add(waiter)
    else this.#waiters.set(logKey, new Set([waiter]))
    return () => this.#drop(logKey, waiter)
  }

  /** Waits under way. */
  get waiting(): number {
    let sum = 0
    for (const waiters of this.#waiters.values()) sum += waiters.size
    return sum
  }

  #drop(logKey: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(logKey)
    waiters?.delete(waiter)
    if (waiters?.size === 0) this.#waiters.delete(logKey)
  }
}
