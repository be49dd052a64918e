/**
 * Writers in the processes of the nodes themselves, for nodes that clients cannot speak to: at each host one that sends
 * each record once, and one that sends it until it is acknowledged.
 */

import type { Violation } from './invariants.ts'
import type { NodeSlot } from './node-slot.ts'
import { SeededRandom } from './random.ts'
import { RetryingWriter } from './retrying-writer.ts'
import type { World } from './world.ts'

export interface OwnWritersOptions {
  readonly world: World
  readonly slots: readonly NodeSlot[]
  readonly topics: readonly string[]
  readonly pauseMs: number
  readonly recordMaxBytes: number
  readonly report: (violation: Violation) => void
  /** So many records were acknowledged. */
  readonly told?: (records: number) => void
}

export class OwnWriters {
  readonly acknowledged = new Set<string>()
  written = 0
  readonly #options: OwnWritersOptions
  readonly #retrying: readonly RetryingWriter[]
  #open = true

  constructor(options: OwnWritersOptions) {
    this.#options = options
    const { world, slots } = options
    for (const slot of slots) this.#write(slot, new SeededRandom(world.seed, `writer/${slot.name}`), 0)
    this.#retrying = slots.map((slot) => this.#retry(slot))
  }

  /** The host whose producer this place is one of, as `NodeHandle.places` has it. */
  hostOf(place: string): string | undefined {
    const index = this.#retrying.findIndex((writer) => writer.owns(place))
    return this.#options.slots[index]?.name
  }

  /** Begins no more records. */
  stop(): void {
    this.#open = false
    for (const writer of this.#retrying) writer.stop()
  }

  #write(slot: NodeSlot, random: SeededRandom, count: number): void {
    const { world, topics, pauseMs, recordMaxBytes } = this.#options
    world.after(random.between(0.1, 1.9) * pauseMs, () => {
      if (!this.#open) return
      const topic = random.pick(topics)
      const payload = new TextEncoder().encode(`${slot.name} ${count} ${'x'.repeat(random.integer(0, recordMaxBytes))}`)
      const produced = slot.node?.produce?.(topic, payload)
      if (produced !== undefined) {
        this.written++
        produced.then(
          (record) => {
            world.note(`acknowledged ${record}`)
            this.#note(slot, record)
          },
          (error) => world.note(`${slot.name} refused a record: ${String(error)}`),
        )
      }
      this.#write(slot, random, count + 1)
    })
  }

  #retry(slot: NodeSlot): RetryingWriter {
    const { world, topics, pauseMs, report } = this.#options
    return new RetryingWriter(slot, world.seed, {
      ...{ world, topics, pauseMs },
      acknowledged: (record) => {
        this.written++
        this.#note(slot, record)
      },
      contradicted: (record, again) => report({ kind: 'twoIds', node: slot.name, record, again }),
    })
  }

  #note(slot: NodeSlot, record: string): void {
    if (this.acknowledged.has(record)) this.#options.report({ kind: 'idReused', node: slot.name, record })
    this.acknowledged.add(record)
    this.#options.told?.(1)
  }
}
