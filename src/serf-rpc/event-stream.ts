/**
 * The events of a member, for any number of listeners, as Serf's agent tells them: what happens to members and user
 * events that may be coalesced come a second or more later, and only what counts in the end; all else comes at once.
 */

import type { SerfFact } from '../actors/serf-member.ts'
import type { Clock, Timer } from '../env/env.ts'
import { LatestEvents, LatestOfMembers } from '../gossip/coalesced-facts.ts'
import { agentTiming, Coalescer } from '../gossip/coalescer.ts'
import type { EventFact } from './events.ts'

export class EventStream {
  readonly #clock: Clock
  readonly #listeners = new Set<(fact: EventFact) => void>()
  readonly #members = new Coalescer(new LatestOfMembers(), agentTiming)
  readonly #events = new Coalescer(new LatestEvents(), agentTiming)
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Told of every event from now on. Returns what unsubscribes. */
  listen(listener: (fact: EventFact) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  put(fact: SerfFact): void {
    const nowMs = this.#clock.monotonicMs()
    if (fact.kind === 'query') this.#tell(fact)
    else if (this.#members.put(fact, nowMs) || this.#events.put(fact, nowMs)) this.#schedule()
    else if (fact.kind === 'userEvent') this.#tell(fact)
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#listeners.clear()
  }

  #schedule(): void {
    this.#clock.clearTimeout(this.#timer)
    const nextMs = Math.min(this.#members.nextMs, this.#events.nextMs)
    if (nextMs === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.setTimeout(() => this.#flush(), Math.max(0, nextMs - this.#clock.monotonicMs()))
  }

  #flush(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const event of this.#events.take(nowMs)) this.#tell({ kind: 'userEvent', event })
    for (const fact of this.#members.take(nowMs)) this.#tell(fact)
    this.#schedule()
  }

  #tell(fact: EventFact): void {
    for (const listener of [...this.#listeners]) listener(fact)
  }
}
