/** What is to be done in the world, until it is taken; and what went wrong outside, counted. */

import type { Effect, Problem } from './effects.ts'
import type { Endpoint } from './ip.ts'
import type { NodeRecord } from './node-list.ts'

/** Counted all the same, but more than this is not told in one go. */
const maxProblemsTold = 32
/** The same conflict is told again after this. */
const conflictQuietMs = 30_000

export class Outbox {
  /** How often each thing went wrong; what is not here never did. */
  readonly problems = new Map<Problem, number>()
  #effects: Effect[] = []
  #problemsTold = 0
  #lastConflict = { key: '', atMs: 0 }

  add(effect: Effect): void {
    this.#effects.push(effect)
  }

  report(reason: Problem, detail: string, from?: Endpoint): void {
    this.problems.set(reason, (this.problems.get(reason) ?? 0) + 1)
    if (this.#problemsTold >= maxProblemsTold) return
    this.#problemsTold += 1
    this.#effects.push({ kind: 'problem', reason, detail, ...(from && { from }) })
  }

  tellConflict({ name, host, port }: NodeRecord, claimed: Endpoint, nowMs: number): void {
    const key = `${name} ${claimed.host} ${claimed.port}`
    if (key === this.#lastConflict.key && nowMs - this.#lastConflict.atMs < conflictQuietMs) return
    this.#lastConflict = { key, atMs: nowMs }
    this.#effects.push({ kind: 'fact', fact: { kind: 'conflict', name, known: { host, port }, claimed } })
  }

  take(): Effect[] {
    const effects = this.#effects
    this.#effects = []
    this.#problemsTold = 0
    return effects
  }
}
