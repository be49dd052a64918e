/**
 * When to gossip, and with whom: a round as soon as there is news after a quiet time, then one every interval for as
 * long as there is something to tell. Rounds at fixed moments, as memberlist has them, delay each hop of a piece of news
 * by half an interval on average; a round that waits for news sends the same packets, only sooner. Never decides what
 * goes into a packet (`courier.ts`).
 */

import type { Agenda } from './agenda.ts'
import { Canvass } from './canvass.ts'
import type { Courier } from './courier.ts'
import { NodeState } from './messages.ts'
import { isUp, type NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import type { Swim } from './swim.ts'

/** The part of an interval that a round waits for more news: what comes together goes together. */
const gathering = 1 / 10
/** Rounds that a quiet time saves up; they may follow each other closely, as all news of a moment seldom comes at once. */
const maxSaved = 3
/** The part of an interval that a round waits after each join nearby, and the part that it waits at most for such. */
const quiet = 1 / 2
const longestQuiet = 1

export interface GossipRoundsParts {
  readonly profile: Profile
  readonly random: () => number
  readonly agenda: Agenda
  readonly swim: Pick<Swim, 'list' | 'self' | 'joined'>
  readonly courier: Courier
}

export class GossipRounds {
  readonly #parts: GossipRoundsParts
  readonly #canvass: Canvass
  /** Whose turn has come already. */
  readonly #told = new Set<NodeRecord>()
  #planned = false
  #quietSinceMs = Number.NEGATIVE_INFINITY
  #quietUntilMs = Number.NEGATIVE_INFINITY
  /** Until which arrival it is quiet for. */
  #joined = 0
  /** When as many rounds as may be saved will be. */
  #savedUpMs = Number.NEGATIVE_INFINITY

  constructor(parts: GossipRoundsParts) {
    this.#parts = parts
    this.#canvass = new Canvass(parts)
  }

  /** To be called whenever something may have been queued, or somebody to hear it may have come. */
  plan(nowMs: number): void {
    const { profile, random, agenda, courier, swim } = this.#parts
    this.#canvass.plan(nowMs)
    // Who joins among others that do is told of them and their intents bit by bit.
    if (courier.settling && swim.joined !== this.#joined) this.hush(nowMs)
    this.#joined = swim.joined
    if (this.#planned || !courier.hasNews || !this.#hasAudience(nowMs)) return
    this.#planned = true
    const { gossipIntervalMs } = profile
    const gatheredMs = nowMs + random() * gathering * gossipIntervalMs
    const savedMs = this.#savedUpMs - (maxSaved - 1) * gossipIntervalMs
    // Also right after a stall: news condemns nobody, and holding it back would make others wait for us.
    agenda.at(Math.max(gatheredMs, savedMs), (atMs) => this.#round(atMs), true)
  }

  /** Somebody joins through us, or close to us: there is more to come that had better be told together. */
  hush(nowMs: number): void {
    const { gossipIntervalMs } = this.#parts.profile
    if (nowMs > this.#quietUntilMs) this.#quietSinceMs = nowMs
    const longestMs = this.#quietSinceMs + longestQuiet * gossipIntervalMs
    this.#quietUntilMs = Math.min(nowMs + quiet * gossipIntervalMs, longestMs)
  }

  #round(nowMs: number): void {
    const { profile, agenda, courier } = this.#parts
    if (nowMs < this.#quietUntilMs) {
      agenda.at(this.#quietUntilMs, (atMs) => this.#round(atMs), true)
      return
    }
    this.#planned = false
    this.#savedUpMs = Math.max(this.#savedUpMs, nowMs) + profile.gossipIntervalMs
    for (const node of this.#nextToTell(profile.gossipNodes, nowMs)) courier.gossip(node)
  }

  /** At random of those whose turn has not come yet; then all have a turn again. */
  #nextToTell(count: number, nowMs: number): NodeRecord[] {
    const { list } = this.#parts.swim
    const next = list.pick(count, (node) => this.#listens(node, nowMs) && !this.#told.has(node))
    if (next.length < count) {
      this.#told.clear()
      const again = list.pick(count - next.length, (node) => this.#listens(node, nowMs) && !next.includes(node))
      for (const node of again) this.#told.add(node)
      return [...next, ...again]
    }
    for (const node of next) this.#told.add(node)
    return next
  }

  #hasAudience(nowMs: number): boolean {
    for (const node of this.#parts.swim.list) if (this.#listens(node, nowMs)) return true
    return false
  }

  #listens(node: NodeRecord, nowMs: number): boolean {
    const { profile, swim } = this.#parts
    if (node === swim.self || node.state === NodeState.left) return false
    return isUp(node) || nowMs - node.stateChangedMs <= profile.gossipToTheDeadMs
  }
}
