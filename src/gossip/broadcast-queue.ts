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
  /** That a member is here, ourselves or another of which we heard: nobody is told that twice. */
  readonly arrival?: 'ours' | 'heard'
  /** Who knows it without us: the keys of their addresses. */
  readonly known?: readonly string[]
}

interface Queued extends Omit<Broadcast, 'known'> {
  readonly seldom: boolean
  readonly order: number
  transmits: number
  /** Of an arrival: who knows it, and how often it was the turn of one of them. */
  readonly knowers?: string[]
  passes: number
}

/** How often each message is sent in a cluster of `n`: `retransmitMult` times the number of its decimal digits. */
export function retransmitLimit(retransmitMult: number, n: number): number {
  return retransmitMult * Math.ceil(Math.log10(n + 1))
}

/** The part of the limit that is enough where exchanges of state will mend what gossip misses. */
const seldomShare = 5 / 8
/** So many arrivals are passed over for one packet; where more wait, it is cheaper to tell somebody twice. */
const maxPassed = 64

export class BroadcastQueue {
  /** By how often they were sent; of those sent as often, the largest first, then the oldest. The order of a take. */
  readonly #tiers: Queued[][] = []
  readonly #named = new Map<string, Queued>()
  readonly #maxDepth: number
  readonly #ownSent: (bytes: Uint8Array) => void
  readonly #isMended: () => boolean
  #order = 0
  #depth = 0
  #bytes = 0

  /** `ownSent`: one of our own was sent often enough; `isMended`: arrivals need not be told to everybody right now. */
  constructor(
    maxDepth = Number.POSITIVE_INFINITY,
    ownSent: (bytes: Uint8Array) => void = () => {},
    isMended: () => boolean = () => false,
  ) {
    this.#maxDepth = maxDepth
    this.#ownSent = ownSent
    this.#isMended = isMended
  }

  get depth(): number {
    return this.#depth
  }

  /** Of all queued messages. */
  get bytes(): number {
    return this.#bytes
  }

  add(broadcast: Broadcast): void {
    if (broadcast.name !== undefined) this.drop(broadcast.name)
    this.#order += 1
    const { known, ...rest } = broadcast
    const seldom = rest.arrival === 'heard' && this.#isMended()
    const knowers = rest.arrival && [...(known ?? [])]
    const item: Queued = { ...rest, seldom, order: this.#order, transmits: 0, passes: 0, ...(knowers && { knowers }) }
    this.#insert(item)
    this.#depth += 1
    this.#bytes += item.bytes.length
    if (item.name !== undefined) this.#named.set(item.name, item)
    // Full: the most transmitted has done most of its work, and of those the smallest costs least to lose.
    if (this.#depth > this.#maxDepth) this.#remove(this.#tiers.findLast((tier) => tier.length > 0)?.at(-1) as Queued)
  }

  /** Forgets what is queued under this name, as if it had been sent. */
  drop(name: string): void {
    const item = this.#named.get(name)
    if (item) this.#remove(item)
  }

  /**
   * Messages for one packet: at most `maxCount`, which together with `overhead` bytes each fit into `maxBytes`. Each is
   * counted as sent once; at `limit` it leaves the queue, or sooner when it was added while that is enough. `to`: the key of
   * the address that gets them; an arrival that is known there stays for others, but not for ever. However much waits, it
   * costs what it takes.
   */
  take(maxBytes: number, overhead: number, limit: number, maxCount: number, to = ''): Uint8Array[] {
    const taken: Queued[] = []
    const passed: Queued[] = []
    let room = maxBytes
    for (const tier of this.#tiers) {
      let place = 0
      while (taken.length < maxCount && place < tier.length) {
        // Larger ones come first, so what does not fit now cannot fit later in this take.
        place = firstWithin(tier, room - overhead, place)
        const from = place
        for (let item = tier[place]; item && taken.length < maxCount; item = tier[place]) {
          if (passed.length < maxPassed && item.knowers?.includes(to)) passed.push(item)
          else {
            if (item.bytes.length + overhead > room) break
            room -= item.bytes.length + overhead
            taken.push(item)
          }
          place += 1
        }
        tier.splice(from, place - from)
        place = from
      }
      if (taken.length === maxCount) break
    }
    for (const item of taken) {
      item.transmits += 1
      item.knowers?.push(to)
    }
    for (const item of passed) item.passes += 1
    const isEnough = ({ seldom, transmits, passes }: Queued) =>
      transmits >= (seldom ? Math.ceil(limit * seldomShare) : limit) || passes >= limit
    const both = [...taken, ...passed]
    for (const item of both) if (!isEnough(item)) this.#insert(item)
    for (const item of both) {
      if (!isEnough(item)) continue
      if (item.own) this.#ownSent(item.bytes)
      this.#finish(item)
    }
    return taken.map((item) => item.bytes)
  }

  #insert(item: Queued): void {
    while (this.#tiers.length <= item.transmits) this.#tiers.push([])
    const tier = this.#tiers[item.transmits] as Queued[]
    tier.splice(placeOf(item, tier), 0, item)
  }

  #remove(item: Queued): void {
    this.#unlink(item)
    this.#finish(item)
  }

  /** Out of its tier, until it is inserted again. */
  #unlink(item: Queued): void {
    const tier = this.#tiers[item.transmits] as Queued[]
    tier.splice(placeOf(item, tier), 1)
  }

  /** It is in no tier any more. */
  #finish(item: Queued): void {
    this.#depth -= 1
    this.#bytes -= item.bytes.length
    if (item.name !== undefined) this.#named.delete(item.name)
    item.finished?.()
  }
}

/** Where it stands among those sent as often, or belongs. Go takes the newest of equals first; the oldest first keeps a busy cluster from starving any message. */
function placeOf({ bytes, order }: Queued, tier: readonly Queued[]): number {
  let low = 0
  let high = tier.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = tier[middle] as Queued
    const isBehind = other.bytes.length === bytes.length ? other.order < order : other.bytes.length > bytes.length
    if (isBehind) low = middle + 1
    else high = middle
  }
  return low
}

/** The first one from `from` on that is no longer than this. */
function firstWithin(tier: readonly Queued[], maxBytes: number, from: number): number {
  let low = from
  let high = tier.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((tier[middle] as Queued).bytes.length > maxBytes) low = middle + 1
    else high = middle
  }
  return low
}
