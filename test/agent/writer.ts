/** Writes to one node without a pause, whatever happens to it, and remembers what became of every record. */

import { type Client, type RecordId, ReeveError } from '../../src/index.ts'
import type { History, ProduceAsked } from '../../src/simulation/history.ts'
import { recordSum } from '../../src/simulation/universe/record-sums.ts'
import { type Agent, inTime } from './agent.ts'
import type { Stage } from './stage.ts'

/** Records under way at a time, gathered for so long: a few hundred a second are enough, and leave the machine to others. */
const atOnce = 8
const lingerMs = 20
/** A client is told so and goes on. */
const passing: ReadonlySet<string> = new Set(['COPIES_PENDING', 'COPIES_IMPOSSIBLE', 'DISK_FULL'])
/** Refused at once, and again at once. */
const refusing: ReadonlySet<string> = new Set(['COPIES_IMPOSSIBLE', 'DISK_FULL'])
const refusedPauseMs = 100

export interface Acknowledged extends RecordId {
  readonly value: string
}

export interface WriterOptions {
  /** What its values begin with; default: the node's name. */
  readonly label?: string
  /** Default: 1. */
  readonly copies?: number
  /** What becomes of each record is told there, too. */
  readonly history?: History
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
  readonly #history: History | undefined
  /** The node's present run. */
  #agent: Agent
  #count = 0
  #stopped = false
  #news: (() => void)[] = []
  readonly #writing: Promise<void>

  constructor(stage: Stage, agent: Agent, topic: string, options: WriterOptions = {}) {
    const { label = agent.name, copies = 1, history } = options
    this.name = agent.name
    this.#history = history
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
      const client = this.#stage.client([agent], { timeoutMs: 0 })
      await this.#writeTo(agent, client)
      client.close()
      while (this.#agent === agent && !this.#stopped) await this.#change()
    }
  }

  /** Until a record does not get through. */
  async #writeTo(agent: Agent, client: Client): Promise<void> {
    const producer = client.producer({ topic: this.#topic, lingerMs, copies: this.#copies })
    let sound = true
    let refused = false
    while (sound && !this.#stopped && this.#agent === agent) {
      const values = Array.from({ length: atOnce }, () => `${this.#label} ${this.#count++} ${'.'.repeat(200)}`)
      await Promise.all(
        values.map(async (value) => {
          const told = this.#asked(value)
          try {
            const id = await producer.send({ value })
            this.acknowledged.push({ ...id, value })
            told(id)
          } catch (error) {
            told(error)
            const code = error instanceof ReeveError ? error.code : ''
            // Stored, but not on enough nodes in time, or not stored for now: the next one may be.
            if (!passing.has(code)) sound = false
            refused ||= refusing.has(code)
            this.doubtful.add(value)
          }
        }),
      )
      this.#tell()
      if (refused) await new Promise((resolve) => setTimeout(resolve, refusedPauseMs))
      refused = false
    }
  }

  /** Returns what is to be told the answer. */
  #asked(value: string): (answer: RecordId | unknown) => void {
    const [history, topic, node] = [this.#history, this.#topic, this.name]
    if (history === undefined) return () => {}
    const operation = history.begin<ProduceAsked>({
      ...{ kind: 'produce', client: this.#label, node, disk: node, topic, place: undefined, copies: this.#copies },
      sums: [recordSum(new Uint8Array(0), new TextEncoder().encode(value))],
    })
    return (answer) => {
      if (answer instanceof ReeveError) history.end(operation, { ok: false, code: answer.code, facts: answer.facts })
      else if (!(answer instanceof Error)) {
        const { origin, epoch, offset } = answer as RecordId
        // The library does not say how many had it: as many as were asked for.
        const held = { copies: this.#copies, duplicate: false }
        history.end(operation, { ok: true, log: `${topic}/${origin}/${epoch}`, base: offset, count: 1, ...held })
      }
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
