/**
 * Tells a member what is believed of it, when what we hear shows that it may not know: whoever restarts begins to count
 * at one, and nobody listens to small numbers. Told so, it refutes with a larger one at once, not after a push/pull.
 */

import { sameBytes } from './bytes.ts'
import type { Alive, Dead, Suspect } from './messages.ts'
import { NodeState } from './messages.ts'
import type { NodeRecord } from './node-list.ts'

/** The first is what we believe: of the node that is told it, or of one that it accuses, and that has refuted. */
export type Reminder = readonly [Suspect | Dead | Alive] | readonly [Alive, Alive]

export class Reminders {
  readonly #name: string
  readonly #intervalMs: number
  readonly #lastMs = new Map<string, number>()

  /** `name`: our own. A node is reminded once in `intervalMs`. */
  constructor(name: string, intervalMs: number) {
    this.#name = name
    this.#intervalMs = intervalMs
  }

  /** What to tell `node`, if anything, of which we heard news that it has outlived. */
  for(node: NodeRecord, heard: Alive, nowMs: number): Reminder | undefined {
    const reminder = this.#needed(node, heard)
    return reminder && this.isDue(node, nowMs) ? reminder : undefined
  }

  /** Whether it may be told something now; then it is. */
  isDue({ name }: NodeRecord, nowMs: number): boolean {
    const lastMs = this.#lastMs.get(name)
    if (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) return false
    this.#lastMs.set(name, nowMs)
    return true
  }

  forgetUnless(known: (name: string) => boolean): void {
    for (const name of this.#lastMs.keys()) if (!known(name)) this.#lastMs.delete(name)
  }

  #needed(node: NodeRecord, heard: Alive): Reminder | undefined {
    const { name, incarnation, state } = node
    if (state === NodeState.suspect) return [{ kind: 'suspect', node: name, from: this.#name, incarnation }]
    if (state !== NodeState.alive) return [{ kind: 'dead', node: name, from: this.#name, incarnation }]
    // Two lives of it took the same number. Which of them is over only the node can tell: it contradicts that one.
    if (heard.incarnation !== incarnation) return undefined
    if (sameBytes(heard.meta, node.meta) && sameBytes(heard.vsn, node.vsn)) return undefined
    return [aliveOf(node), heard]
  }
}

/** What we believe of a node that is alive to us. */
export function aliveOf({ name, incarnation, addr, port, meta, vsn }: NodeRecord): Alive {
  return { kind: 'alive', node: name, incarnation, addr, port, meta, vsn }
}
