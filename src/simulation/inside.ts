/** What nodes say of themselves when they are asked in their own process, held against what must be true of it. */

import {
  checkCaughtUp,
  checkGrowth,
  checkLagging,
  checkPeers,
  checkRecords,
  checkReplicators,
  type HeldCopies,
  type Violation,
} from './invariants.ts'
import { KnownFrames } from './known-frames.ts'
import { Losses } from './losses.ts'
import type { NodeSlot } from './node-slot.ts'

/** What the nodes' own producers have written. */
export interface Written {
  /** Ids of records, those of the future included. */
  readonly acknowledged: ReadonlySet<string>
  /** Whose producer a place is one of. */
  hostOf(place: string): string | undefined
}

export class Inside {
  readonly #slots: readonly NodeSlot[]
  readonly #writers: Written | undefined
  /** The last look at each node, through its restarts. */
  readonly #seen = new Map<string, HeldCopies>()
  readonly #known = new KnownFrames()
  readonly #losses = new Losses()

  /** `writers` undefined: what is written is for others to look after. */
  constructor(slots: readonly NodeSlot[], writers: Written | undefined) {
    this.#slots = slots
    this.#writers = writers
  }

  /** Checks what holds at all times. */
  look(which: 'all' | 'new'): Violation[] {
    return this.#slots.flatMap(({ name, node }): Violation[] => {
      if (node === undefined) return []
      const held: HeldCopies = { name, copies: node.copies() }
      const before = this.#seen.get(name)
      this.#seen.set(name, held)
      return [
        ...(before === undefined || this.#losses.mayShrink(name) ? [] : checkGrowth(before, held)),
        ...this.#known.learn(name, node.frames?.(which) ?? []),
      ]
    })
  }

  /** The disk of this host is about to lose anything. `from`: whose disk it has then, as that is or was. */
  losing(host: string, from: string | undefined): void {
    this.#losses.replaced(host, from, this.#lastLook())
    this.#seen.delete(host)
  }

  rotted(host: string, path: string): void {
    this.#losses.rotted(host, this.#lastLook(), path)
  }

  /** What does not hold yet of what must hold at rest. */
  unsettled(lastTime: boolean): Violation[] {
    const down = this.#slots.filter((slot) => slot.state !== 'up')
    if (down.length > 0) return down.map((slot) => ({ kind: 'neverStarted', node: slot.name }))
    const nodes = this.#slots.flatMap((slot) => slot.snapshot() ?? [])
    const open = [...checkPeers(nodes), ...checkReplicators(nodes), ...checkLagging(nodes), ...this.#behind(nodes)]
    // Reading everything is the dear one: only when nothing else is open, or the time is up.
    const writers = this.#writers
    if (writers === undefined || (open.length > 0 && !lastTime)) return open
    return [
      ...open,
      ...checkRecords(this.#losses.expected(writers.acknowledged, nodes), nodes),
      ...this.#losses.places(nodes, (place) => writers.hostOf(place)),
    ]
  }

  /** What some of these nodes have of a log, and others not. */
  behind(slots: readonly NodeSlot[]): Violation[] {
    return this.#behind(slots.flatMap((slot) => slot.snapshot() ?? []))
  }

  #behind(nodes: readonly HeldCopies[]): Violation[] {
    return checkCaughtUp(nodes).filter((violation) => !this.#losses.excusesCopy(violation))
  }

  /** What those that are up do not agree on with the peers that are. */
  peers(): Violation[] {
    const nodes = this.#slots.flatMap((slot) => (slot.state === 'up' ? (slot.snapshot() ?? []) : []))
    return [...checkPeers(nodes), ...checkReplicators(nodes)]
  }

  /** Acknowledged records that nobody holds. */
  gone(): number {
    if (this.#writers === undefined) return 0
    const held = new Set(this.#slots.flatMap(({ node }) => node?.readAll?.() ?? []))
    return [...this.#writers.acknowledged].filter((record) => !held.has(record)).length
  }

  /** What each host held, also those that are down by now. */
  #lastLook(): HeldCopies[] {
    return [...this.#seen].map(([name, { copies }]) => ({ name, copies }))
  }
}
