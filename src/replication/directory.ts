/**
 * What each connected peer has beyond us: logs of its present run, which we follow, and any other log of which it holds
 * more than we do. What everybody has equally is not in here, so its size follows the differences, not the history. Knows
 * which of their copies proved unusable; decides nothing.
 */

import type { LogId } from '../log/log-id.ts'
import { logKey } from '../log/log-id.ts'
import { groupKey } from './summary.ts'

export interface Holding {
  readonly id: LogId
  /** First offset that is still there. */
  readonly start: number
  /** The offset after the last. */
  readonly end: number
}

export interface Run {
  readonly origin: string
  readonly epoch: string
}

/** Who offers more of one log. */
export interface Offer {
  readonly id: LogId
  /** By peer. */
  readonly by: ReadonlyMap<string, Holding>
}

interface Source {
  readonly name: string
  /** The run of that node. */
  readonly epoch: string
  /** How many logs of a group it offers; its own present ones are not counted, they are offered for ever. */
  readonly groups: Map<string, number>
}

/** Until that peer says something new of the log, until it is connected anew, or for as long as it runs. */
export type Exclusion = 'untilNews' | 'whileConnected' | 'whileItRuns'

export class Directory {
  readonly #epoch: string
  readonly #endOf: (id: LogId) => number
  readonly #sources = new Map<string, Source>()
  readonly #offers = new Map<string, { readonly id: LogId; readonly by: Map<string, Holding> }>()
  /** By peer. Forgotten when that peer runs anew. */
  readonly #excluded = new Map<string, { epoch: string; keys: Map<string, Exclusion> }>()
  #touched = new Set<string>()
  readonly #runListeners = new Set<(run: Run, followed: boolean) => void>()
  readonly #settledListeners = new Set<(peer: string, group: string) => void>()

  /** `epoch`: our own run, which is pulled from nobody; `endOf`: our end of a log, 0 where we have nothing. */
  constructor(epoch: string, endOf: (id: LogId) => number) {
    this.#epoch = epoch
    this.#endOf = endOf
  }

  /** The peer is connected, and is who we meant. */
  open(name: string, epoch: string): void {
    this.forget(name)
    this.#sources.set(name, { name, epoch, groups: new Map() })
    const excluded = this.#excluded.get(name)
    if (excluded?.epoch !== epoch) this.#excluded.delete(name)
    for (const [key, exclusion] of excluded?.keys ?? []) if (exclusion === 'whileConnected') excluded?.keys.delete(key)
    if (this.#isFollowed(name, epoch)) this.#tellRun(name, epoch, true)
  }

  /** The peer holds this much. True when that is more than we have. */
  learn(name: string, holding: Holding): boolean {
    const source = this.#sources.get(name)
    if (!source) return false
    const key = logKey(holding.id)
    if (this.#excluded.get(name)?.keys.get(key) === 'untilNews') this.readmit(name, key)
    // Copies only grow: a smaller end is older news.
    const known = this.#offers.get(key)?.by.get(name)
    const news = known && known.end > holding.end ? { ...holding, end: known.end } : holding
    if (!this.#isOffer(source, key, news)) {
      this.#remove(source, key)
      return false
    }
    let offer = this.#offers.get(key)
    if (!offer) {
      offer = { id: holding.id, by: new Map() }
      this.#offers.set(key, offer)
    }
    if (!known && !isLive(source, holding.id)) count(source, holding.id, 1)
    offer.by.set(name, news)
    this.#touched.add(key)
    return news.end > this.#endOf(holding.id)
  }

  /** Our copy reaches this far now, by frames of this peer. */
  grown(name: string, id: LogId, end: number): void {
    const key = logKey(id)
    const offer = this.#offers.get(key)
    if (!offer) return
    for (const [peer, holding] of [...offer.by]) {
      const source = this.#sources.get(peer) as Source
      if (peer === name && holding.end < end) offer.by.set(peer, { ...holding, end })
      if (holding.end <= end && !isLive(source, id)) this.#remove(source, key)
    }
  }

  /** What this peer has of the log cannot be used. */
  exclude(name: string, key: string, exclusion: Exclusion): void {
    const source = this.#sources.get(name)
    if (!source) return
    const followed = this.#isFollowed(name, source.epoch)
    const excluded = this.#excluded.get(name)
    if (excluded) excluded.keys.set(key, exclusion)
    else this.#excluded.set(name, { epoch: source.epoch, keys: new Map([[key, exclusion]]) })
    this.#remove(source, key)
    if (followed && !this.#isFollowed(name, source.epoch)) this.#tellRun(name, source.epoch, false)
  }

  /** What it says of the log counts again. */
  readmit(name: string, key: string): void {
    const source = this.#sources.get(name)
    if (!source) return
    const followed = this.#isFollowed(name, source.epoch)
    this.#excluded.get(name)?.keys.delete(key)
    if (!followed && this.#isFollowed(name, source.epoch)) this.#tellRun(name, source.epoch, true)
  }

  /** The connection is gone; what it said is worth nothing now. */
  forget(name: string): void {
    const source = this.#sources.get(name)
    if (!source) return
    for (const [key, { by }] of [...this.#offers]) if (by.has(name)) this.#remove(source, key)
    const followed = this.#isFollowed(name, source.epoch)
    this.#sources.delete(name)
    if (followed) this.#tellRun(name, source.epoch, false)
  }

  offer(key: string): Offer | undefined {
    return this.#offers.get(key)
  }

  /** Whose own present log this is, if that peer is connected. */
  isLive(name: string, id: LogId): boolean {
    const source = this.#sources.get(name)
    return source !== undefined && isLive(source, id)
  }

  /** Where the peer begins, if that is behind what would come next for us: to go on from there is to leave a hole. */
  lateStart(name: string, key: string): number | undefined {
    const holding = this.#offers.get(key)?.by.get(name)
    return holding && holding.start > this.#endOf(holding.id) ? holding.start : undefined
  }

  isConnected(name: string): boolean {
    return this.#sources.has(name)
  }

  /** How far the peer has it, as far as it matters to us. */
  endAt(name: string, key: string): number {
    return this.#offers.get(key)?.by.get(name)?.end ?? 0
  }

  offersIn(name: string, group: string): number {
    return this.#sources.get(name)?.groups.get(group) ?? 0
  }

  /** Keys of logs whose offers changed since this was last asked. */
  takeTouched(): ReadonlySet<string> {
    const touched = this.#touched
    this.#touched = new Set()
    return touched
  }

  /** Runs that are connected, so that their logs come from themselves. */
  runs(): Run[] {
    return [...this.#sources.values()]
      .filter(({ name, epoch }) => this.#isFollowed(name, epoch))
      .map(({ name, epoch }) => ({ origin: name, epoch }))
  }

  /** Calls the listener when a run joins or leaves `runs`. Returns what unsubscribes. */
  onRun(listener: (run: Run, followed: boolean) => void): () => void {
    this.#runListeners.add(listener)
    return () => void this.#runListeners.delete(listener)
  }

  /** Calls the listener when nothing of a group is left that this peer offers. Returns what unsubscribes. */
  onSettled(listener: (peer: string, group: string) => void): () => void {
    this.#settledListeners.add(listener)
    return () => void this.#settledListeners.delete(listener)
  }

  #isOffer(source: Source, key: string, { id, end }: Holding): boolean {
    if (id.epoch === this.#epoch || this.#excluded.get(source.name)?.keys.has(key)) return false
    if (isLive(source, id)) return true
    return end > this.#endOf(id)
  }

  /** Not where one of its own logs is of no use there: that one must be found elsewhere. */
  #isFollowed(name: string, epoch: string): boolean {
    if (!this.#sources.has(name)) return false
    for (const key of this.#excluded.get(name)?.keys.keys() ?? []) if (key.endsWith(`/${name}/${epoch}`)) return false
    return true
  }

  #remove(source: Source, key: string): void {
    const offer = this.#offers.get(key)
    if (!offer?.by.delete(source.name)) return
    this.#touched.add(key)
    if (offer.by.size === 0) this.#offers.delete(key)
    if (isLive(source, offer.id) || count(source, offer.id, -1) > 0) return
    for (const listener of this.#settledListeners) listener(source.name, groupKey(offer.id))
  }

  #tellRun(origin: string, epoch: string, followed: boolean): void {
    for (const listener of this.#runListeners) listener({ origin, epoch }, followed)
  }
}

function isLive({ name, epoch }: Source, id: LogId): boolean {
  return name === id.origin && epoch === id.epoch
}

function count({ groups }: Source, id: LogId, change: 1 | -1): number {
  const group = groupKey(id)
  const now = (groups.get(group) ?? 0) + change
  if (now > 0) groups.set(group, now)
  else groups.delete(group)
  return now
}
