/** What the node is told to do, from the order to its `done`: join, leave, bury others, new tags. Nothing here waits for ever. */

import type { Agenda } from './agenda.ts'
import type { Courier } from './courier.ts'
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
  /** Counted: on as often as off. */
  readonly ignoreOld: (ignoring: boolean) => void
  /** `concluded` gets a problem, or nothing. */
  readonly exchange: (to: Endpoint, join: boolean, concluded: (problem?: string) => void) => void
  readonly done: (done: Done) => void
}

/**
 * When many join at once, each is told of the others by gossip that not everybody hears. Further exchanges once nobody
 * has come for a little while, each with somebody else, mend that long before the regular one; they end with the first
 * that finds no news. Before gossip is through they would find much that comes anyway.
 */
const calmMs = { least: 300, most: 500 }
/** Who goes on coming does not keep us from it for longer. */
const longestWaitMs = 1000
const maxFurtherExchanges = 4

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

  /** Exchanges state with all of them at once. `replay`: their user events are news. */
  join(seeds: readonly Endpoint[], replay: boolean): number {
    const order = this.#number()
    const problems: string[] = []
    let open = seeds.length
    const conclude = () => {
      if (!replay) this.#parts.ignoreOld(false)
      const reached = seeds.length - problems.length
      if (reached > 0) this.#joined(seeds)
      this.#parts.done({ order, reached, problems })
    }
    if (!replay) this.#parts.ignoreOld(true)
    if (open === 0) conclude()
    for (const seed of seeds) {
      this.#parts.exchange(seed, true, (problem) => {
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
    const lonely = !swim.accompanied
    this.#whenSent(
      (sent) => serf.announceLeave(now(), sent),
      () =>
        this.#whenSent(
          (sent) => swim.leave(now(), sent),
          () => (lonely ? gone() : agenda.at(now() + profile.leavePropagateMs, gone)),
        ),
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
      this.#exchangeWithAny(() => true)
    })
  }

  #joined(seeds: readonly Endpoint[]): void {
    this.#parts.serf.announceJoin(this.#parts.now())
    const seeded = (node: NodeRecord) => seeds.some(({ host, port }) => host === node.host && port === node.port)
    this.#exchangeFurther(seeded, maxFurtherExchanges)
  }

  #exchangeFurther(known: (node: NodeRecord) => boolean, tries: number): void {
    const { agenda, now, random, swim } = this.#parts
    const latestMs = now() + longestWaitMs
    const exchange = () => {
      const joinedBefore = swim.joined
      const again = () => {
        if (tries > 1 && swim.joined !== joinedBefore) this.#exchangeFurther(known, tries - 1)
      }
      if (!this.#exchangeWithAny((node) => !known(node), again)) this.#exchangeWithAny(known, again)
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

  /** False: there is nobody such. */
  #exchangeWithAny(wanted: (node: NodeRecord) => boolean, concluded = () => {}): boolean {
    const { swim, exchange } = this.#parts
    const [other] = swim.list.pick(1, (node) => {
      return node !== swim.self && node.state === NodeState.alive && wanted(node)
    })
    if (other && !this.#left) exchange(other, false, concluded)
    return other !== undefined
  }

  /** Goes on once a broadcast was sent often enough, or for too long, or when there is nobody to hear it. */
  #whenSent(queue: (sent: () => void) => void, goOn: (inTime: boolean) => void): void {
    const { agenda, courier, now, profile, swim } = this.#parts
    let over = false
    const conclude = (inTime: boolean) => {
      if (over) return
      over = true
      agenda.cancel(timer)
      goOn(inTime)
    }
    const longestMs = now() + maxPatience * profile.broadcastTimeoutMs
    // In a large cluster much else waits to be sent, and what comes later is sent as often first.
    const wait = () =>
      agenda.at(Math.min(now() + profile.broadcastTimeoutMs + courier.loadMs(), longestMs), (nowMs) => {
        if (nowMs < longestMs && courier.loadMs() > profile.broadcastTimeoutMs) timer = wait()
        else conclude(false)
      })
    let timer = wait()
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
