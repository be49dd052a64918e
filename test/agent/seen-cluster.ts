/**
 * Real processes on real disks, seen as the simulator sees its own: its clients ask, recordings tell what each disk had at
 * each moment, and its judges hold one against the other. Owns the clients and the evidence; whoever uses it starts, stops and
 * kills the nodes.
 */

import { realClock } from '../../src/env/real-clock.ts'
import { createRealRpc } from '../../src/env/rpc/index.ts'
import { History } from '../../src/simulation/history.ts'
import type { Verdict } from '../../src/simulation/judges/bench.ts'
import { Court, type Evidence, verdictText } from '../../src/simulation/recording/court.ts'
import { audit } from '../../src/simulation/workload/audit.ts'
import { type ClientMix, startClients, usualClients } from '../../src/simulation/workload/clients.ts'
import { Desk } from '../../src/simulation/workload/desk.ts'
import { type Counter, Floor } from '../../src/simulation/workload/floor.ts'
import type { PlantedBug } from '../planted/planted-bug.ts'
import { type Agent, patienceMs } from './agent.ts'
import { monotonicMs } from './record-to-file.ts'
import { RecordedDisk } from './recorded-disk.ts'
import { recordedMain } from './recorded-main.ts'
import type { AgentOptions, Stage } from './stage.ts'

export interface SeenOptions {
  readonly stage: Stage
  readonly names: readonly string[]
  readonly seed: number
  /** The clients' own. Default: two. */
  readonly topics?: readonly string[]
  /** What else is read everywhere in the end: topics of others who tell the history. */
  readonly furtherTopics?: readonly string[]
  /** Mean pause of each client between two questions. Default: 50. */
  readonly pauseMs?: number
  readonly clients?: Partial<ClientMix>
  /** Of nodes that do not have their usual folder. */
  readonly dataDirs?: ReadonlyMap<string, string>
  /** Planted in all nodes. */
  readonly bug?: PlantedBug
  /** Told all evidence, in the order in which it is heard. */
  readonly told?: (evidence: readonly Evidence[]) => void
}

interface Place {
  readonly disk: RecordedDisk
  agent: Agent | undefined
  runs: number
}

export class SeenCluster {
  readonly history: History
  readonly folders: ReadonlyMap<string, string>
  readonly #options: SeenOptions
  readonly #main: string
  readonly #court: Court
  readonly #places: ReadonlyMap<string, Place>
  readonly #floor: Floor
  readonly #auditors: Floor
  #answers: Evidence[] = []
  #answered = 0
  /** How often everybody was asked for everything. */
  rounds = 0

  static async of(options: SeenOptions): Promise<SeenCluster> {
    return new SeenCluster(options, await recordedMain(options.bug))
  }

  private constructor(options: SeenOptions, main: string) {
    const { stage, names, dataDirs, topics = ['orders', 'payments'], furtherTopics = [], pauseMs = 50 } = options
    this.#options = options
    this.#main = main
    this.folders = new Map(names.map((name) => [name, dataDirs?.get(name) ?? stage.path(name)]))
    this.#court = new Court(this.folders)
    this.#places = new Map(
      [...this.folders].map(([name, folder]) => [
        name,
        { disk: new RecordedDisk(folder), agent: undefined as Agent | undefined, runs: 0 },
      ]),
    )
    this.history = new History(monotonicMs, {
      begun: () => {},
      ended: (operation) => this.#answers.push({ atMs: operation.endedMs as number, operation }),
    })
    const rpc = createRealRpc({ clock: realClock })
    const world = {
      after: (delayMs: number, callback: () => void) => void setTimeout(callback, delayMs),
      deskAt: () => new Desk(rpc),
    }
    const counters = [...this.#places].map(([name, place]) => counterOf(name, () => place.agent))
    const load = { world, seed: options.seed, history: this.history, counters, pauseMs, recordMaxBytes: 200 }
    this.#floor = new Floor({ ...load, topics })
    this.#auditors = new Floor({ ...load, topics: [...topics, ...furtherTopics] })
  }

  /** Clients begin. */
  open(): void {
    startClients(this.#floor, this.#mix)
  }

  /** Clients begin nothing more. */
  close(): void {
    this.#floor.close()
  }

  /** The next run of a node; the one before must have ended. */
  launch(name: string, options: AgentOptions = {}): Agent {
    const place = this.#places.get(name)
    if (place === undefined) throw new Error(`no node ${name}`)
    this.look()
    this.#endRun(name, place)
    const steps = this.#options.stage.path(`${name}-${++place.runs}.steps`)
    place.disk.begin(steps)
    const { folder: dataDir } = place.disk
    place.agent = this.#options.stage.launch(name, { ...options, dataDir, recorded: { main: this.#main, steps } })
    return place.agent
  }

  async start(name: string, options?: AgentOptions): Promise<Agent> {
    const agent = this.launch(name, options)
    await agent.ready()
    return agent
  }

  /** Judges all that happened up to now. Throws where a promise was broken. */
  look(): void {
    const nowMs = monotonicMs()
    const steps = [...this.#places].flatMap(([node, { disk }]) =>
      disk.until(nowMs).map(({ atMs, step }): Evidence => ({ atMs, node, step })),
    )
    const answers = this.#answers.splice(0)
    this.#answered += answers.length
    // A step comes before the answer that it made possible.
    this.#hear([...steps, ...answers].sort((one, other) => one.atMs - other.atMs))
    complain(this.#court.found)
  }

  /** Everything is healed and everybody up: waits until all that must hold then does, or throws what does not. */
  async rest(): Promise<{ answers: number }> {
    this.close()
    const endMs = monotonicMs() + patienceMs
    for (;;) {
      await audit(this.#auditors, ++this.rounds, this.#named, patienceMs)
      this.look()
      const live = [...this.#places].filter(([, { agent }]) => agent?.running).map(([name]) => name)
      const open = this.#court.rests(this.history, live, this.rounds)
      if (open.length === 0) return { answers: this.#answered }
      if (monotonicMs() > endMs) complain(open)
    }
  }

  /** All processes are gone: the disks are as their recordings say. */
  end(): void {
    this.close()
    this.look()
    for (const [name, place] of this.#places) this.#endRun(name, place)
    complain(this.#court.found)
  }

  #endRun(node: string, { disk }: Place): void {
    const atMs = monotonicMs()
    this.#hear(disk.ended(this.#court.disk(node)).map((step) => ({ atMs, node, step })))
  }

  #hear(evidence: readonly Evidence[]): void {
    this.#options.told?.(evidence)
    this.#court.hear(evidence)
  }

  get #mix(): ClientMix {
    return { ...usualClients, ...this.#options.clients }
  }

  /** Topics of which a named cursor is used. */
  get #named(): readonly string[] {
    return this.#mix.cursorUsers > 0 ? this.#floor.options.topics.slice(0, 1) : []
  }
}

function complain(found: readonly Verdict[]): void {
  if (found.length > 0) throw new Error(verdictText(found))
}

function counterOf(name: string, agent: () => Agent | undefined): Counter {
  return {
    name,
    disk: name,
    get isUp() {
      return agent()?.running === true && agent()?.isReady === true
    },
    get server() {
      const up = agent()
      // Where nobody answers, as long as there was never anybody.
      const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(up?.isReady ? up.rpcAddress : '127.0.0.1:9') ?? []
      return { host, port: Number(port), isSecure: false }
    },
  }
}
