/**
 * The members that are suspected, each until it refutes, is gone, or its time is up. Owns the accusers, the timers and
 * the count of what became of them; what is believed of a node, and who is told, is decided in `swim.ts`.
 */

import type { Agenda, Appointment } from './agenda.ts'
import { NodeState, type Suspect } from './messages.ts'
import type { NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import { Suspicion, suspicionBounds } from './suspicion.ts'

/** How often, since the start. */
export interface SuspicionCounts {
  /** By us: a member did not answer, or was told to be dead in an exchange of states. */
  readonly raised: number
  /** By others. */
  readonly heard: number
  /** A suspect said that it lives. */
  readonly refuted: number
  /** A suspect did not say so in time, or left. */
  readonly confirmed: number
  /** Others took us for a suspect, or for dead, and heard better. */
  readonly ofUs: number
}

export interface SuspicionsParts {
  /** Our own. */
  readonly name: string
  readonly profile: Profile
  readonly agenda: Agenda
  /** It had its time. */
  readonly unrefuted: (node: NodeRecord, nowMs: number) => void
}

interface Running {
  readonly suspicion: Suspicion
  timer: Appointment
}

export class Suspicions {
  readonly #parts: SuspicionsParts
  readonly #running = new Map<string, Running>()
  readonly #counts = { raised: 0, heard: 0, refuted: 0, confirmed: 0, ofUs: 0 }

  constructor(parts: SuspicionsParts) {
    this.#parts = parts
  }

  get counts(): SuspicionCounts {
    return { ...this.#counts }
  }

  isRunning(node: NodeRecord): boolean {
    return this.#running.has(node.name)
  }

  /** `n`: how many nodes are known, ourselves included. */
  begin(node: NodeRecord, { from }: Suspect, n: number, nowMs: number): void {
    const { name, profile } = this.#parts
    this.#counts[from === name ? 'raised' : 'heard']++
    const suspicion = new Suspicion(from, suspicionBounds(n, profile), nowMs)
    this.#running.set(node.name, { suspicion, timer: this.#schedule(node, suspicion) })
  }

  /** Its time gets shorter. False: it is not suspected, we knew that accuser, or have enough of them. */
  confirm(node: NodeRecord, { from }: Suspect): boolean {
    const running = this.#running.get(node.name)
    if (!running?.suspicion.confirm(from)) return false
    this.#parts.agenda.cancel(running.timer)
    running.timer = this.#schedule(node, running.suspicion)
    return true
  }

  /** Suspects get longer to refute; whoever calls this has postponed the agenda by as much. */
  extend(byMs: number): void {
    for (const { suspicion } of this.#running.values()) suspicion.extend(byMs)
  }

  /** To be called while its state is still what it was; harmless for a node that is not suspected. */
  end(node: NodeRecord, how: 'refuted' | 'confirmed'): void {
    this.#parts.agenda.cancel(this.#running.get(node.name)?.timer)
    this.#running.delete(node.name)
    if (node.state === NodeState.suspect) this.#counts[how]++
  }

  /** Others suspect us; that is refuted at once. */
  countOfUs(): void {
    this.#counts.ofUs++
  }

  #schedule(node: NodeRecord, suspicion: Suspicion): Appointment {
    const { agenda, unrefuted } = this.#parts
    return agenda.at(suspicion.deadlineMs, (nowMs) => {
      this.#running.delete(node.name)
      unrefuted(node, nowMs)
    })
  }
}
