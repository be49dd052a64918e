/**
 * A producer at one host of a scenario that sends each record under its id and sequence again and again until it is
 * acknowledged, through all runs of the node, and some of them once more after that.
 */

import type { NodeSlot } from './node-slot.ts'
import { SeededRandom } from './random.ts'
import type { NodeHandle } from './scenario.ts'
import type { World } from './world.ts'

/** Where a record stands among all of its producer in a topic. */
export interface ProducerPlace {
  readonly producer: Uint8Array
  readonly sequence: number
}

interface Attempt extends ProducerPlace {
  readonly payload: Uint8Array
  /** That was asked last; undefined: it refused. */
  node: NodeHandle | undefined
}

/** How often a record is sent once more although it was acknowledged. */
const againChance = 0.2

export interface RetryingWriterOptions {
  readonly world: World
  readonly topics: readonly string[]
  readonly pauseMs: number
  readonly acknowledged: (record: string) => void
  /** A record that was acknowledged under one id was so under another. */
  readonly contradicted: (record: string, again: string) => void
}

export class RetryingWriter {
  readonly #slot: NodeSlot
  readonly #options: RetryingWriterOptions
  readonly #random: SeededRandom
  readonly #producer: Uint8Array
  readonly #open = new Map<string, Attempt>()
  readonly #next = new Map<string, number>()
  #stopped = false

  constructor(slot: NodeSlot, seed: number, options: RetryingWriterOptions) {
    this.#slot = slot
    this.#options = options
    this.#random = new SeededRandom(seed, `retrying writer/${slot.name}`)
    this.#producer = this.#random.bytes(16)
    this.#write()
  }

  /** Whether this place in a topic, as `NodeHandle.places` has it, is one of its own. */
  owns(place: string): boolean {
    return place.split('/').includes(Buffer.from(this.#producer).toString('hex'))
  }

  /** Begins no more records, but ends those that it began. */
  stop(): void {
    this.#stopped = true
  }

  #write(): void {
    const { world, topics, pauseMs } = this.#options
    world.after(this.#random.between(0.1, 1.9) * pauseMs, () => {
      const topic = this.#random.pick(topics)
      const { node } = this.#slot
      if (node?.produceOnce) this.#send(topic, node)
      if (!this.#stopped || this.#open.size > 0) this.#write()
    })
  }

  #send(topic: string, node: NodeHandle): void {
    let attempt = this.#open.get(topic)
    if (attempt?.node === node) return
    if (!attempt) {
      if (this.#stopped) return
      const sequence = this.#next.get(topic) ?? 0
      const payload = new TextEncoder().encode(`${this.#slot.name} once ${sequence}`)
      attempt = { producer: this.#producer, sequence, payload, node }
      this.#open.set(topic, attempt)
    }
    attempt.node = node
    this.#produce(topic, attempt, node).then(
      (record) => this.#acknowledged(topic, attempt, node, record),
      (error) => {
        this.#options.world.note(`${this.#slot.name} refused sequence ${attempt.sequence}: ${String(error)}`)
        if (attempt.node === node) attempt.node = undefined
      },
    )
  }

  #acknowledged(topic: string, attempt: Attempt, node: NodeHandle, record: string): void {
    const { world, acknowledged, contradicted } = this.#options
    // An answer of an earlier run that was on its way when it ended.
    if (this.#open.get(topic) !== attempt) return
    world.note(`acknowledged ${record} of sequence ${attempt.sequence}`)
    this.#open.delete(topic)
    this.#next.set(topic, attempt.sequence + 1)
    acknowledged(record)
    if (!this.#random.chance(againChance)) return
    this.#produce(topic, attempt, node).then(
      (again) => {
        if (again !== record) contradicted(record, again)
      },
      (error) => world.note(`${this.#slot.name} refused sequence ${attempt.sequence} again: ${String(error)}`),
    )
  }

  #produce(topic: string, { producer, sequence, payload }: Attempt, node: NodeHandle): Promise<string> {
    return (node.produceOnce as NonNullable<NodeHandle['produceOnce']>)(topic, payload, { producer, sequence })
  }
}
