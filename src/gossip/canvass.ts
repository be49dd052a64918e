/**
 * Our own news, told to each member by ourselves once gossip is through with it. Gossip misses a member with a chance
 * of about e to the minus how often each message is sent: with fifty members, one of sixty pieces of news would not
 * reach somebody before an exchange of state does, half a minute later. One packet more for each member, an eighth of
 * what gossip sends, leaves that to lost packets. Joins do without: exchanges of state follow them.
 */

import type { Agenda } from './agenda.ts'
import type { Courier } from './courier.ts'
import { isUp, type NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import type { Swim } from './swim.ts'

/** In intervals of gossip: how long it waits for more to tell, and how far its rounds are apart in the long run. */
const gathering = 1 / 2
const roundEvery = 5
/** Rounds that a quiet time saves up: who leaves says two things, one soon after the other. */
const maxSaved = 3
/** So many are told at once, the next ones this part of an interval later. */
const atOnce = 64
const between = 1 / 10

export interface CanvassParts {
  readonly profile: Profile
  readonly agenda: Agenda
  readonly swim: Pick<Swim, 'list' | 'self'>
  readonly courier: Courier
}

export class Canvass {
  readonly #parts: CanvassParts
  #planned = false
  /** When as many rounds as may be saved will be. */
  #savedUpMs = Number.NEGATIVE_INFINITY

  constructor(parts: CanvassParts) {
    this.#parts = parts
  }

  /** To be called whenever gossip may be through with something. */
  plan(nowMs: number): void {
    const { profile, agenda, courier } = this.#parts
    if (this.#planned || !courier.hasOwnNews) return
    this.#planned = true
    const { gossipIntervalMs } = profile
    const savedMs = this.#savedUpMs - (maxSaved - 1) * roundEvery * gossipIntervalMs
    agenda.at(Math.max(nowMs + gathering * gossipIntervalMs, savedMs), (atMs) => this.#begin(atMs), true)
  }

  #begin(nowMs: number): void {
    const { profile, swim, courier } = this.#parts
    this.#savedUpMs = Math.max(this.#savedUpMs, nowMs) + roundEvery * profile.gossipIntervalMs
    const everybody = [...swim.list].filter((node) => node !== swim.self && isUp(node))
    this.#tell(everybody, courier.takeOwnNews(), nowMs)
  }

  #tell(nodes: readonly NodeRecord[], news: readonly Uint8Array[], nowMs: number): void {
    const { profile, agenda, courier } = this.#parts
    for (const node of nodes.slice(0, atOnce)) if (isUp(node)) courier.tell(node, news)
    const others = nodes.slice(atOnce)
    this.#planned = others.length > 0
    if (!this.#planned) return
    agenda.at(nowMs + between * profile.gossipIntervalMs, (atMs) => this.#tell(others, news, atMs), true)
  }
}
