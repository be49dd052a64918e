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
  readonly done: (copies: number) => void
}

/** Who waits for the same number of copies of one log. */
interface Queue {
  readonly waiters: Set<Waiter>
  /** They came in the order of their ends, as appends do: the first that cannot go holds up all behind it. */
  inOrder: boolean
  lastEnd: number
}

const none: ReadonlyMap<string, number> = new Map()

export class Copies {
  readonly #ends = new Map<string, Map<string, number>>()
  /** By log and number of copies. */
  readonly #queues = new Map<string, Map<number, Queue>>()

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
    const queues = this.#queues.get(logKey)
    if (!queues) return
    const descending = [...ends.values()].sort((one, other) => other - one)
    // The writer is one copy, and the replica that is the last of so many has this much.
    for (const [copies, queue] of queues) this.#release(logKey, copies, queue, descending[copies - 2] ?? -1)
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

  /** How far each replica stated to have it, by node. */
  ends(logKey: string): ReadonlyMap<string, number> {
    return this.#ends.get(logKey) ?? none
  }

  /** Calls `done` once, as soon as at least `copies` nodes have every record below `end`; at once when they have. */
  when(logKey: string, end: number, copies: number, done: (copies: number) => void): CancelWait {
    const now = this.count(logKey, end)
    if (now >= copies) {
      done(now)
      return () => {}
    }
    const waiter: Waiter = { end, done }
    const queue = this.#queue(logKey, copies)
    if (end < queue.lastEnd) queue.inOrder = false
    queue.lastEnd = end
    queue.waiters.add(waiter)
    return () => {
      if (queue.waiters.delete(waiter)) this.#tidy(logKey, copies, queue)
    }
  }

  /** Waits under way. */
  get waiting(): number {
    let sum = 0
    for (const queues of this.#queues.values()) for (const { waiters } of queues.values()) sum += waiters.size
    return sum
  }

  #queue(logKey: string, copies: number): Queue {
    let queues = this.#queues.get(logKey)
    if (!queues) {
      queues = new Map()
      this.#queues.set(logKey, queues)
    }
    let queue = queues.get(copies)
    if (!queue) {
      queue = { waiters: new Set(), inOrder: true, lastEnd: 0 }
      queues.set(copies, queue)
    }
    return queue
  }

  /** Ends the waits for records below `reached`. */
  #release(logKey: string, copies: number, queue: Queue, reached: number): void {
    for (const waiter of queue.waiters) {
      if (waiter.end <= reached) {
        queue.waiters.delete(waiter)
        waiter.done(this.count(logKey, waiter.end))
      } else if (queue.inOrder) break
    }
    this.#tidy(logKey, copies, queue)
  }

  #tidy(logKey: string, copies: number, queue: Queue): void {
    const queues = this.#queues.get(logKey)
    if (queue.waiters.size > 0 || queues?.get(copies) !== queue) return
    queues.delete(copies)
    if (queues.size === 0) this.#queues.delete(logKey)
  }
}
