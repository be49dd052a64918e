/** What a picture of a run is made of, gathered while it runs: who lived when, what went wrong, what was acknowledged. */

import type { FaultStep } from './faults.ts'
import { describeViolation, type Violation } from './invariants.ts'
import type { NodeSlot } from './node-slot.ts'
import type { RunObserver } from './run-observer.ts'
import type { ScenarioResult } from './scenario.ts'
import type { World } from './world.ts'

export type Life = 'down' | 'starting' | 'up' | 'stopping' | 'paused'

export interface Spell {
  readonly life: Life
  readonly fromMs: number
  toMs: number
}

export interface Broken {
  readonly atMs: number
  /** The host that it was seen at; undefined: it is of all. */
  readonly host: string | undefined
  readonly text: string
}

/** A run as it can be drawn. Times are in ms since the world began. */
export interface RunStory {
  readonly title: string
  /** A line about what there was to go wrong. */
  readonly subtitle: string
  readonly endMs: number
  /** When everything was healed; undefined: never. */
  readonly healedMs: number | undefined
  /** When the healed cluster had come to rest; undefined: it did not. */
  readonly settledMs: number | undefined
  readonly lanes: readonly { readonly host: string; readonly spells: readonly Spell[] }[]
  /** Those that were taken. */
  readonly steps: readonly FaultStep[]
  readonly broken: readonly Broken[]
  /** Records in each second. */
  readonly acknowledged: readonly number[]
}

export class Chronicle implements RunObserver {
  readonly #lanes: { readonly slot: NodeSlot; readonly spells: Spell[] }[] = []
  readonly #steps: FaultStep[] = []
  readonly #broken: Broken[] = []
  readonly #acknowledged: number[] = []
  #world: World | undefined
  #healedMs: number | undefined
  #settledMs: number | undefined

  began(world: World, slots: readonly NodeSlot[]): void {
    this.#world = world
    for (const slot of slots) this.#lanes.push({ slot, spells: [{ life: 'down', fromMs: 0, toMs: 0 }] })
  }

  rested(): void {
    for (const { slot, spells } of this.#lanes) {
      const life = slot.host.paused ? 'paused' : slot.state
      const last = spells.at(-1)!
      if (life === last.life) continue
      last.toMs = this.#nowMs
      spells.push({ life, fromMs: this.#nowMs, toMs: this.#nowMs })
    }
  }

  step(step: FaultStep): void {
    this.#steps.push(step)
  }

  acknowledged(records: number): void {
    const second = Math.floor(this.#nowMs / 1000)
    this.#acknowledged[second] = (this.#acknowledged[second] ?? 0) + records
  }

  violation(violation: Violation): void {
    const node = 'node' in violation ? violation.node : undefined
    const host = this.#lanes.find(({ slot }) => slot.name === node || slot.host.nodeName === node)?.slot.name
    this.#broken.push({ atMs: this.#nowMs, host, text: describeViolation(violation) })
  }

  healed(): void {
    this.#healedMs = this.#nowMs
  }

  settled(isAtRest: boolean): void {
    if (isAtRest) this.#settledMs = this.#nowMs
  }

  story({ seed, violations, acknowledged }: ScenarioResult, subtitle: string): RunStory {
    const endMs = this.#nowMs
    for (const { spells } of this.#lanes) spells.at(-1)!.toMs = endMs
    const count = violations.length
    const verdict = count === 0 ? 'every promise kept' : `${count} ${count === 1 ? 'promise' : 'promises'} broken`
    const seconds = Math.ceil(endMs / 1000)
    return {
      title: `Seed ${seed}: ${verdict}, ${acknowledged.toLocaleString('en-US')} records acknowledged`,
      ...{ subtitle, endMs, healedMs: this.#healedMs, settledMs: this.#settledMs },
      lanes: this.#lanes.map(({ slot, spells }) => ({ host: slot.name, spells })),
      ...{ steps: this.#steps, broken: this.#broken },
      acknowledged: Array.from({ length: seconds }, (_, second) => this.#acknowledged[second] ?? 0),
    }
  }

  get #nowMs(): number {
    return this.#world?.now ?? 0
  }
}
