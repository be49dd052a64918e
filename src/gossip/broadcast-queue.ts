/**
 * What we have to tell everybody, by riding along in packets until each message was sent often enough for all to have
 * heard it. Owns the counting; never sends anything itself.
 */

export interface Broadcast {
  /** The whole message, from its type byte on. */
  readonly bytes: Uint8Array
  /** A new broadcast with the name of a queued one takes its place. */
  readonly name?: string
  /** Called once: it was sent often enough, replaced, or dropped. */
  readonly finished?: () => void
  /** Begun by us, not passed on. */
  readonly own?: boolean
}

interface Queued extends Broadcast {
  readonly order: number
  transmits: number
}

/** How often each message is sent in a cluster of `n`: `retransmitMult` times the number of its decimal digits. */
export function retransmitLimit(retransmitMult: number, n: number): number {
  return retransmitMult * Math.ceil(Math.log10(n + 1))
}

export class BroadcastQueue {
  /** In the order in which a take considers them: least sent, then largest, then oldest. */
  #items: Queued[] = []
  readonly #named = new Map<string, Queued>()
  readonly #maxDepth: number
  readonly #ownSent: (bytes: Uint8Array) => void
  #order = 0
  #bytes = 0

  /** `ownSent`: one of our own was sent often enough. */
  constructor(maxDepth = Number.POSITIVE_INFINITY, ownSent: (bytes: Uint8Array) => void = () => {}) {
    this.#maxDepth = maxDepth
    this.#ownSent = ownSent
  }

  get depth(): number {
    return this.#items.length
  }

  /** Of all queued messages. */
  get bytes(): number {
    return this.#bytes
  }

  add(broadcast: Broadcast): void {
    if (broadcast.name !== undefined) this.drop(broadcast.name)
    this.#order += 1
    const item: Queued = { ...broadcast, order: this.#order, transmits: 0 }
    this.#insert(item)
    this.#bytes += item.bytes.length
    if (item.name !== undefined) this.#named.set(item.name, item)
    // Full: the most transmitted has done most of its work, and of those the smallest costs least to lose.
    if (this.#items.length > this.#maxDepth) this.#finish(this.#items.at(-1) as Queued)
  }

  /** Forgets what is queued under this name, as if it had been sent. */
  drop(name: string): void {
    const item = this.#named.get(name)
    if (item) this.#finish(item)
  }

  /**
   * Messages for one packet: at most `maxCount`, which together with `overhead` bytes each fit into `maxBytes`. Each is
   * counted as sent once; at `limit` it leaves the queue.
   */
  take(maxBytes: number, overhead: number, limit: number, maxCount: number): Uint8Array[] {
    const taken: Queued[] = []
    let room = maxBytes
    for (const item of this.#items) {
      if (room <= overhead || taken.length >= maxCount) break
      // Larger ones come first, so what does not fit now cannot fit later in this take.
      if (item.bytes.length + overhead > room) continue
      room -= item.bytes.length + overhead
      taken.push(item)
    }
    if (taken.length === 0) return []
    const sent = new Set(taken)
    this.#items = this.#items.filter((item) => !sent.has(item))
    for (const item of taken) {
      item.transmits += 1
      this.#insert(item)
    }
    for (const item of taken) {
      if (item.transmits < limit) continue
      if (item.own) this.#ownSent(item.bytes)
      this.#finish(item)
    }
    return taken.map((item) => item.bytes)
  }

  #insert(item: Queued): void {
    let low = 0
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (comesBefore(this.#items[middle] as Queued, item)) low = middle + 1
      else high = middle
    }
    this.#items.splice(low, 0, item)
  }

  #finish(item: Queued): void {
    const index = this.#items.indexOf(item)
    if (index < 0) return
    this.#items.splice(index, 1)
    this.#bytes -= item.bytes.length
    if (item.name !== undefined) this.#named.delete(item.name)
    item.finished?.()
  }
}

/** Go takes the newest of equals first; the oldest first keeps a busy cluster from starving any message. */
function comesBefore(a: Queued, b: Queued): boolean {
  if (a.transmits !== b.transmits) return a.transmits < b.transmits
  if (a.bytes.length !== b.bytes.length) return a.bytes.length > b.bytes.length
  return a.order < b.order
}
