/** Writes to one node without a pause, whatever happens to it, and remembers what became of every record. */

import { type Client, type RecordId, ReeveError } from '../../src/index.ts'
import { type Agent, inTime } from './agent.ts'
import type { Stage } from './stage.ts'

/** Records under way at a time, gathered for so long: a few hundred a second are enough, and leave the machine to others. */
const atOnce = 8
const lingerMs = 20
/** A client is told so and goes on. */
const passing: ReadonlySet<string> = new Set(['COPIES_PENDING', 'DISK_FULL'])
const fullPauseMs = 100

export interface Acknowledged extends RecordId {
  readonly value: string
}

export interface WriterOptions {
  /** What its values begin with; default: the node's name. */
  readonly label?: string
  /** Default: 1. */
  readonly copies?: number
}

export class Writer {
  readonly name: string
  readonly acknowledged: Acknowledged[] = []
  /** Refused or lost on the way: stored or not. */
  readonly doubtful = new Set<string>()
  readonly #stage: Stage
  readonly #topic: string
  readonly #label: string
  readonly #copies: number
  /** The node's present run. */
  #agent: Agent
  #count = 0
  #stopped = false
  #news: (() => void)[] = []
  readonly #writing: Promise<void>

  constructor(stage: Stage, agent: Agent, topic: string, { label = agent.name, copies = 1 }: WriterOptions = {}) {
    this.name = agent.name
    this.#label = label
    this.#copies = copies
    this.#stage = stage
    this.#topic = topic
    this.#agent = agent
    this.#writing = this.#write()
  }

  /** The node was started again. */
  moveTo(agent: Agent): void {
    this.#agent = agent
    this.#tell()
  }

  /** Resolves once this many records of that run are acknowledged. */
  async until(count: number, epoch: string): Promise<void> {
    const enough = () => this.acknowledged.filter((each) => each.epoch === epoch).length >= count
    while (!enough()) await inTime(`a record acknowledged by ${this.name}`, this.#change())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#tell()
    await this.#writing
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      const agent = this.#agent
      const client = this.#stage.client([agent], { timeoutMs: 1 })
      await this.#writeTo(agent, client)
      client.close()
      while (this.#agent === agent && !this.#stopped) await this.#change()
    }
  }

  /** Until a record does not get through. */
  async #writeTo(agent: Agent, client: Client): Promise<void> {
    const producer = client.producer({ topic: this.#topic, lingerMs, copies: this.#copies })
    let sound = true
    let full = false
    while (sound && !this.#stopped && this.#agent === agent) {
      const values = Array.from({ length: atOnce }, () => `${this.#label} ${this.#count++} ${'.'.repeat(200)}`)
      await Promise.all(
        values.map(async (value) => {
          try {
            this.acknowledged.push({ ...(await producer.send({ value })), value })
          } catch (error) {
            const code = error instanceof ReeveError ? error.code : ''
            // Stored, but not on enough nodes in time, or not stored for now: the next one may be.
            if (!passing.has(code)) sound = false
            full ||= code === 'DISK_FULL'
            this.doubtful.add(value)
          }
        }),
      )
      this.#tell()
      if (full) await new Promise((resolve) => setTimeout(resolve, fullPauseMs))
      full = false
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#news.push(resolve)
    })
  }

  #tell(): void {
    for (const wake of this.#news.splice(0)) wake()
  }
}
