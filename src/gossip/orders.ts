/** What the node is told to do, from the order to its `done`: join, leave, bury others, new tags. Nothing here waits for ever. */

import type { Agenda } from './agenda.ts'
import { retransmitLimit } from './broadcast-queue.ts'
import type { JoinManner } from './core.ts'
import type { Courier } from './courier.ts'
import type { Concluded, Exchange } from './exchange.ts'
import type { Endpoint } from './ip.ts'
import { NodeState } from './messages.ts'
import type { NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import type { Serf } from './serf.ts'
import type { Swim } from './swim.ts'

export interface Done {
  readonly order: number
  /** Members that a join exchanged state with. */
  readonly reached: number
  readonly problems: readonly string[]
}

export interface OrdersParts {
  readonly profile: Profile
  readonly random: () => number
  readonly agenda: Agenda
  /** The moment of what is being handled. */
  readonly now: () => number
  readonly swim: Swim
  readonly serf: Serf
  readonly courier: Courier
  readonly exchange: Pick<Exchange, 'start' | 'ignoreOld'>
  readonly done: (done: Done) => void
}

/**
 * When many join at once, each is told of the others by gossip that not everybody hears. Further exchanges once nobody
 * has come for a little while mend that long before the regular one; they end with the first that finds no news on either
 * side. Before gossip is through they would find much that comes anyway. They go round the circle of names from our own
 * on; in a large cluster the first two take place in any case: so nobody is left out whom two of us follow, also not
 * members that do no such thing.
 */
const calmMs = { least: 300, most: 500 }
/** Who goes on coming does not keep us from it for longer. */
const longestWaitMs = 700
const maxFurtherExchanges = 4
/** In a cluster where gossip misses so many on average, neither side of a first exchange may know of one. */
const likelyMisses = 0.5

/** How often we try to be recognised while another address has our name: about as fast as a failure is noticed. */
const contestedRetryMs = 5000

/** Nobody waits for a broadcast longer than this many times its usual timeout, however busy the cluster is. */
const maxPatience = 12

export class Orders {
  readonly #parts: OrdersParts
  #last = 0
  #leaving: number | undefined
  #left = false
  #contested = false

  constructor(parts: OrdersParts) {
    this.#parts = parts
  }

  /** We are gone: all that is left to do is to answer and to spread our goodbye. */
  get left(): boolean {
    return this.#left
  }

  /** Exchanges state with all of them at once. */
  join(seeds: readonly Endpoint[], { replay, quiet = false }: JoinManner): number {
    const order = this.#number()
    const { swim, courier } = this.#parts
    const joinedBefore = swim.joined
    const beganMs = this.#parts.now()
    const problems: string[] = []
    let open = seeds.length
    const conclude = () => {
      if (!replay) this.#parts.exchange.ignoreOld(false)
      const reached = seeds.length - problems.length
      if (reached > 0 && (!quiet || swim.joined !== joinedBefore))
        this.#joined(seeds, this.#parts.now() - beganMs > calmMs.most)
      else courier.settling = false
      this.#parts.done({ order, reached, problems })
    }
    if (!replay) this.#parts.exchange.ignoreOld(true)
    if (!swim.accompanied) courier.settling = true
    if (open === 0) conclude()
    for (const seed of seeds) {
      this.#parts.exchange.start(seed, true, (problem) => {
        if (problem !== undefined) problems.push(`${seed.host}:${seed.port}: ${problem}`)
        open -= 1
        if (open === 0) conclude()
      })
    }
    return order
  }

  /** First the intent, so that what follows is understood as leaving, then the farewell, then time for both to spread. */
  leave(): number {
    if (this.#leaving !== undefined) return this.#leaving
    const order = this.#number()
    this.#leaving = order
    const { agenda, now, profile, swim, serf } = this.#parts
    const gone = () => {
      this.#left = true
      this.#done(order)
    }
    const linger = (forMs: number, next: () => void) => (swim.accompanied ? agenda.at(now() + forMs, next) : next())
    const sayGoodbye = () =>
      this.#whenSent(
        (sent) => swim.leave(now(), sent),
        () => linger(profile.leavePropagateMs, gone),
      )
    // Whoever hears the goodbye before the announcement takes it for a failure: others pass the announcement on meanwhile.
    this.#whenSent(
      (sent) => serf.announceLeave(now(), sent),
      () => linger(profile.gossipIntervalMs, sayGoodbye),
    )
    return order
  }

  forceLeave(name: string, prune: boolean): number {
    const order = this.#number()
    const { now, serf } = this.#parts
    this.#whenSent(
      (sent) => serf.forceLeave(name, prune, now(), sent),
      (inTime) => this.#done(order, inTime ? [] : ['timed out broadcasting node removal']),
    )
    return order
  }

  update(meta: Uint8Array): number {
    const order = this.#number()
    const { now, swim } = this.#parts
    const problem = 'the new tags were not sent often enough in time; exchanges of state will spread them'
    this.#whenSent(
      (sent) => swim.update(meta, now(), sent),
      (inTime) => this.#done(order, inTime ? [] : [problem]),
    )
    return order
  }

  /**
   * Another address has our name. Usually that is ourselves, before a restart: once the others have noticed that the
   * old place is dead, they need to hear of the new one again.
   */
  contested(): void {
    if (this.#contested) return
    this.#contested = true
    const { agenda, now } = this.#parts
    agenda.at(now() + contestedRetryMs, () => {
      this.#contested = false
      this.#exchangeWithAny()
    })
  }

  /** `late`: whom we have met since we began was not in what the seeds were told, and gossip is through with them. */
  #joined(seeds: readonly Endpoint[], late: boolean): void {
    if (this.#leaving !== undefined) return
    this.#parts.serf.announceJoin(this.#parts.now())
    this.#exchangeFurther(seeds, new Set(), late ? 1 : 0)
  }

  /** `least`: so many in any case. */
  #exchangeFurther(seeds: readonly Endpoint[], met: Set<string>, least: number): void {
    const { agenda, now, random, swim, courier } = this.#parts
    const latestMs = now() + longestWaitMs
    const needed = () => Math.max(least, this.#neededExchanges)
    const exchange = () => {
      const joinedBefore = swim.joined
      const again: Concluded = (_problem, toldNews) => {
        const isNews = toldNews || swim.joined !== joinedBefore
        if (met.size < needed() || (isNews && met.size < maxFurtherExchanges)) {
          this.#exchangeFurther(seeds, met, least)
        }
      }
      courier.settling = false
      if (met.size === 0 && needed() === 0) return
      const next = this.#nextByName((node) => !met.has(node.name) && !isAmong(seeds, node))
      const other = next ?? this.#nextByName((node) => !met.has(node.name))
      if (!other || this.#left) return
      met.add(other.name)
      this.#parts.exchange.start(other, false, again)
    }
    const whenCalm = (joined: number) => {
      const checkMs = now() + calmMs.least + random() * (calmMs.most - calmMs.least)
      agenda.at(Math.min(checkMs, latestMs), (nowMs) => {
        if (swim.joined !== joined && nowMs < latestMs) whenCalm(swim.joined)
        else exchange()
      })
    }
    whenCalm(swim.joined)
  }

  /** How many take place whether there is news or not. */
  get #neededExchanges(): number {
    const { profile, swim } = this.#parts
    const { size } = swim.list
    const limit = retransmitLimit(profile.retransmitMult, size)
    // Then each of us tells everybody by itself.
    if (size - 1 <= limit) return 0
    // Each of the pairs is missed by gossip with this chance.
    return size ** 2 * Math.exp(-limit) < likelyMisses ? 1 : 2
  }

  /** Who follows us in the circle of names, of those that are alive and wanted. */
  #nextByName(wanted: (node: NodeRecord) => boolean): NodeRecord | undefined {
    const { self, list } = this.#parts.swim
    let [behind, first]: (NodeRecord | undefined)[] = []
    for (const node of list) {
      if (node === self || node.state !== NodeState.alive || !wanted(node)) continue
      if (node.name > self.name && (!behind || node.name < behind.name)) behind = node
      if (!first || node.name < first.name) first = node
    }
    return behind ?? first
  }

  #exchangeWithAny(): void {
    const { swim, exchange } = this.#parts
    const [other] = swim.list.pick(1, (node) => node !== swim.self && node.state === NodeState.alive)
    if (other && !this.#left) exchange.start(other, false, () => {})
  }

  /**
   * Goes on once a broadcast was sent often enough, or for too long, or when there is nobody to hear it: at once, or since
   * the others left, too.
   */
  #whenSent(queue: (sent: () => void) => void, goOn: (inTime: boolean) => void): void {
    const { agenda, courier, now, profile, swim } = this.#parts
    let over = false
    const conclude = (inTime: boolean) => {
      if (over) return
      over = true
      agenda.cancel(timer)
      agenda.cancel(look)
      goOn(inTime)
    }
    const lookAround = () =>
      agenda.at(now() + profile.gossipIntervalMs, () => {
        if (swim.accompanied) look = lookAround()
        else conclude(true)
      })
    const longestMs = now() + maxPatience * profile.broadcastTimeoutMs
    // In a large cluster much else waits to be sent, and what comes later is sent as often first.
    const wait = () =>
      agenda.at(Math.min(now() + profile.broadcastTimeoutMs + courier.loadMs(), longestMs), (nowMs) => {
        if (nowMs < longestMs && courier.loadMs() > profile.broadcastTimeoutMs) timer = wait()
        else conclude(false)
      })
    let timer = wait()
    let look = lookAround()
    // Not from within the packing of the packet that carries it.
    queue(() => agenda.at(now(), () => conclude(true)))
    if (!swim.accompanied) conclude(true)
  }

  #done(order: number, problems: readonly string[] = []): void {
    this.#parts.done({ order, reached: 0, problems })
  }

  #number(): number {
    this.#last += 1
    return this.#last
  }
}

function isAmong(places: readonly Endpoint[], { host, port }: NodeRecord): boolean {
  return places.some((place) => place.host === host && place.port === port)
}
