/**
 * Who holds how much of the logs this node writes: what `copies` of a produce counts. Pure and without time.
 *
 * Owns: the last end each replica has stated as fsynced, and who waits for how many of them.
 * Never: counts what a replica was merely sent; takes the word of anybody but the replica itself; asks gossip.
 */

/** A wait that was not over yet is dropped; its `done` is not called. */
export type CancelWait = () => void

/** What a replica stated last: it has all from `start` up to `end`. */
interface Held {
  readonly start: number
  readonly end: number
}

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

export class Copies {
  readonly #held = new Map<string, Map<string, Held>>()
  /** By log and number of copies. */
  readonly #queues = new Map<string, Map<number, Queue>>()

  /**
   * Replica `node` has fsynced the log from `start` up to `end`. The last statement counts, also when it is lower than one
   * before: a replica whose disk was replaced has what it says now, not what it once had; and one whose copy began anew
   * never had what was trimmed before.
   */
  note(node: string, logKey: string, end: number, start = 0): void {
    let held = this.#held.get(logKey)
    if (!held) {
      held = new Map()
      this.#held.set(logKey, held)
    }
    held.set(node, { start, end })
    const queues = this.#queues.get(logKey)
    if (!queues) return
    const descending = Array.from(held.values(), ({ end }) => end).sort((one, other) => other - one)
    // The writer is one copy, and the replica that is the last of so many has this much.
    for (const [copies, queue] of queues) this.#release(logKey, copies, queue, descending[copies - 2] ?? -1)
  }

  /** What this replica stated counts no more: its member was reaped. */
  forget(node: string): void {
    for (const [logKey, held] of this.#held) {
      held.delete(node)
      if (held.size === 0) this.#held.delete(logKey)
    }
  }

  /**
   * Nodes that have the batch that ends at `end`, the log's own writer included: it never offers what it has not fsynced.
   * Copies begin where a batch does.
   */
  count(logKey: string, end: number): number {
    let copies = 1
    for (const noted of this.#held.get(logKey)?.values() ?? []) {
      if (noted.end >= end && (noted.start === 0 || noted.start < end)) copies++
    }
    return copies
  }

  /** How far each replica stated to have it, by node. */
  ends(logKey: string): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#held.get(logKey) ?? [], ([node, { end }]) => [node, end]))
  }

  /** Calls `done` once, as soon as at least `copies` nodes have the batch that ends at `end`; at once when they have. */
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
        const now = this.count(logKey, waiter.end)
        if (now < copies) continue
        queue.waiters.delete(waiter)
        waiter.done(now)
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
