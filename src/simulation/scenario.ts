/**
 * A cluster through a plan of faults: nodes start and end by schedule while writers append, then everything is healed
 * and the cluster must come to rest with all promises kept, then it is stopped and nothing may be left. Works with any
 * node that can be held by a `NodeHandle`.
 */

import { describeStep } from './describe-fault.ts'
import { applyFault, endFaults, type FaultTargets } from './fault-application.ts'
import type { FaultStep } from './faults.ts'
import type { Host } from './host.ts'
import {
  type CopySnapshot,
  checkCaughtUp,
  checkGrowth,
  checkPeers,
  checkRecords,
  checkReplicators,
  describeViolation,
  type HeldCopies,
  type HeldFrames,
  type Violation,
} from './invariants.ts'
import { KnownFrames } from './known-frames.ts'
import { Losses } from './losses.ts'
import { NodeSlot } from './node-slot.ts'
import { SeededRandom } from './random.ts'
import { type ProducerPlace, RetryingWriter } from './retrying-writer.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

/** What a scenario needs of a running node. */
export interface NodeHandle {
  readonly name: string
  /** Resolves with the record's id (unique in the cluster for ever) once it is acknowledged; rejects when it is not. */
  produce(topic: string, payload: Uint8Array): Promise<string>
  /** The same for a record that may have been sent before: it is stored once, and has one id. */
  produceOnce?(topic: string, payload: Uint8Array, place: ProducerPlace): Promise<string>
  /** All logs it holds. */
  copies(): readonly CopySnapshot[]
  /** All frames it holds; or at least those that this run was not asked for yet. */
  frames(which: 'all' | 'new'): readonly HeldFrames[]
  /** Ids of all records that can be read from it. */
  readAll(): readonly string[]
  /** Producer and sequence of every record that can be read from it and has them. */
  places?(): readonly string[]
  /** Names of the peers a replicator is wanted for, and of those one is running for. */
  wanted(): readonly string[]
  running(): readonly string[]
  /** Declares a member left; rejects when that could not be said. */
  forceLeave?(name: string): Promise<void>
  /** Changes the key of gossip in the whole cluster; rejects when some member did not. */
  changeKey?(): Promise<void>
  /** Settles when it ended by itself: with why. */
  readonly ended?: Promise<string>
  /** Graceful; resolves when everything is closed. */
  stop(): Promise<void>
}

export interface StartContext {
  /** Where it starts; `host.env` is its door. */
  readonly host: Host
  /** All hosts of the scenario in order, for seeds to join. */
  readonly hosts: readonly Host[]
  readonly world: World
}

export type StartNode = (context: StartContext) => Promise<NodeHandle>

export interface ScenarioOptions {
  readonly seed: number
  readonly hosts: readonly string[]
  readonly steps: readonly FaultStep[]
  readonly startNode: StartNode
  /** Writers append for so long; steps after it are not taken. */
  readonly durationMs: number
  /** Default: one topic, `events`. */
  readonly topics?: readonly string[]
  /** Mean pause of the writer at each host. Default: 200 ms. */
  readonly writePauseMs?: number
  /** Longest record that is written. Default: 100 and a few bytes. */
  readonly recordMaxBytes?: number
  /** How long the healed cluster may take to come to rest. Default: 2 minutes. */
  readonly settleMs?: number
  /** How long a graceful stop may take. Default: 30 s. */
  readonly stopMs?: number
  readonly world?: Omit<WorldOptions, 'seed' | 'processFailed'>
}

export interface ScenarioResult {
  readonly seed: number
  readonly traceHash: string
  readonly events: number
  readonly steps: readonly FaultStep[]
  /** Records written and acknowledged. */
  readonly acknowledged: number
  /** Of these, records that no node held any more in the end. */
  readonly gone: number
  /** Records some node refused, or whose node ended before it answered. */
  readonly unacknowledged: number
  readonly violations: readonly Violation[]
  readonly simulatedMs: number
  readonly realMs: number
}

/** Between two looks at the promises that hold at all times. */
const watchMs = 5_000
/** Between two looks at whether the healed cluster rests. */
const pollMs = 250

export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const beganMs = realNowMs()
  const scenario = new Scenario(options)
  await scenario.churn()
  await scenario.settle()
  await scenario.stop()
  return scenario.result(realNowMs() - beganMs)
}

class Scenario {
  readonly #options: ScenarioOptions
  readonly #world: World
  readonly #slots: readonly NodeSlot[]
  readonly #violations = new Map<string, Violation>()
  readonly #acknowledged = new Set<string>()
  /** The last look at each node, through its restarts. */
  readonly #seen = new Map<string, HeldCopies>()
  readonly #losses = new Losses()
  readonly #retrying: readonly RetryingWriter[]
  readonly #known = new KnownFrames()
  #written = 0
  #gone = 0
  #writing = true

  constructor(options: ScenarioOptions) {
    this.#options = options
    const world = createWorld({
      ...options.world,
      seed: options.seed,
      processFailed: (host, error) => this.#slot(host.name).processFailed(error),
    })
    this.#world = world
    const hosts = options.hosts.map((name) => world.addHost(name))
    this.#slots = hosts.map(
      (host) =>
        new NodeSlot({
          context: { host, hosts, world },
          startNode: options.startNode,
          stopMs: options.stopMs ?? 30_000,
          report: (violation) => this.#report([violation]),
        }),
    )
    for (const slot of this.#slots) this.#write(slot, new SeededRandom(options.seed, `writer/${slot.name}`), 0)
    this.#retrying = this.#slots.map((slot) => this.#retry(slot))
    this.#watch()
  }

  async churn(): Promise<void> {
    const { steps, durationMs } = this.#options
    for (const step of steps) {
      if (step.atMs > durationMs) break
      await this.#world.run({ untilMs: step.atMs })
      this.#take(step)
    }
    await this.#world.run({ untilMs: durationMs })
    this.#writing = false
    for (const writer of this.#retrying) writer.stop()
  }

  /** Everything is healed and up; time must do the rest. */
  async settle(): Promise<void> {
    const world = this.#world
    world.note('heal all')
    endFaults(this.#targets())
    const deadlineMs = world.now + (this.#options.settleMs ?? 120_000)
    let open: Violation[] = []
    for (;;) {
      for (const slot of this.#slots) slot.start()
      open = this.#unsettled(world.now >= deadlineMs)
      if (open.length === 0 || world.now >= deadlineMs) break
      await world.run({ untilMs: world.now + pollMs })
    }
    world.note(open.length === 0 ? 'settled' : 'did not settle')
    this.#report(open)
    this.#look('all')
    const held = new Set(this.#slots.flatMap(({ node }) => node?.readAll() ?? []))
    this.#gone = [...this.#acknowledged].filter((record) => !held.has(record)).length
  }

  /** One after the other, in an order by seed. */
  async stop(): Promise<void> {
    const limitMs = (this.#options.stopMs ?? 30_000) + 1_000
    for (const slot of new SeededRandom(this.#options.seed, 'stop').shuffle(this.#slots)) {
      slot.stop()
      if (await this.#world.run({ until: () => slot.state === 'down', limitMs })) continue
      slot.end('kill')
    }
  }

  result(realMs: number): ScenarioResult {
    return {
      seed: this.#options.seed,
      traceHash: this.#world.traceHash,
      events: this.#world.events,
      steps: this.#options.steps,
      acknowledged: this.#acknowledged.size,
      gone: this.#gone,
      unacknowledged: this.#written - this.#acknowledged.size,
      violations: [...this.#violations.values()],
      simulatedMs: this.#world.now,
      realMs,
    }
  }

  #take(step: FaultStep): void {
    const world = this.#world
    world.note(describeStep(step))
    // What was visible before a crash must be there after it.
    this.#look()
    applyFault(step, this.#targets())
  }

  #targets(): FaultTargets {
    const world = this.#world
    return {
      world,
      slot: (name) => this.#slot(name),
      losing: (host) => {
        this.#losses.replaced(host, this.#lastLook())
        this.#seen.delete(host)
      },
      rotted: (host, path) => this.#losses.rotted(host, this.#lastLook(), path),
    }
  }

  #write(slot: NodeSlot, random: SeededRandom, count: number): void {
    const { topics = ['events'], writePauseMs = 200, recordMaxBytes = 100 } = this.#options
    this.#world.after(random.between(0.1, 1.9) * writePauseMs, () => {
      if (!this.#writing) return
      const topic = random.pick(topics)
      const payload = new TextEncoder().encode(`${slot.name} ${count} ${'x'.repeat(random.integer(0, recordMaxBytes))}`)
      if (slot.node !== undefined) {
        this.#written++
        slot.node.produce(topic, payload).then(
          (record) => {
            this.#world.note(`acknowledged ${record}`)
            this.#note(slot, record)
          },
          (error) => this.#world.note(`${slot.name} refused a record: ${String(error)}`),
        )
      }
      this.#write(slot, random, count + 1)
    })
  }

  #retry(slot: NodeSlot): RetryingWriter {
    const { seed, topics = ['events'], writePauseMs = 200 } = this.#options
    return new RetryingWriter(slot, seed, {
      world: this.#world,
      topics,
      pauseMs: writePauseMs,
      acknowledged: (record) => {
        this.#written++
        this.#note(slot, record)
      },
      contradicted: (record, again) => this.#report([{ kind: 'twoIds', node: slot.name, record, again }]),
    })
  }

  #note(slot: NodeSlot, record: string): void {
    if (this.#acknowledged.has(record)) this.#report([{ kind: 'idReused', node: slot.name, record }])
    this.#acknowledged.add(record)
  }

  #watch(): void {
    this.#world.after(watchMs, () => {
      this.#look()
      if (this.#writing) this.#watch()
    })
  }

  /** Checks what holds at all times. */
  #look(which: 'all' | 'new' = 'new'): void {
    for (const { name, node } of this.#slots) {
      if (node === undefined) continue
      const held: HeldCopies = { name, copies: node.copies() }
      const before = this.#seen.get(name)
      if (before !== undefined && !this.#losses.mayShrink(name)) this.#report(checkGrowth(before, held))
      this.#seen.set(name, held)
      this.#report(this.#known.learn(name, node.frames(which)))
    }
  }

  /** What each host held, also those that are down by now. */
  #lastLook(): HeldCopies[] {
    return [...this.#seen].map(([name, { copies }]) => ({ name, copies }))
  }

  /** What does not hold yet of what must hold at rest. */
  #unsettled(lastTime: boolean): Violation[] {
    const down = this.#slots.filter((slot) => slot.state !== 'up')
    if (down.length > 0) return down.map((slot) => ({ kind: 'neverStarted', node: slot.name }))
    const nodes = this.#slots.flatMap((slot) => slot.snapshot() ?? [])
    const behind = checkCaughtUp(nodes).filter((violation) => !this.#losses.excusesCopy(violation))
    const open = [...checkPeers(nodes), ...checkReplicators(nodes), ...behind]
    // Reading everything is the dear one: only when nothing else is open, or the time is up.
    return open.length > 0 && !lastTime
      ? open
      : [
          ...open,
          ...checkRecords(this.#losses.expected(this.#acknowledged, nodes), nodes),
          ...this.#losses.places(nodes),
        ]
  }

  #slot(name: string): NodeSlot {
    const slot = this.#slots.find((candidate) => candidate.name === name)
    if (slot === undefined) throw new Error(`no host ${name}`)
    return slot
  }

  /** Each once, however often it is seen. */
  #report(violations: readonly Violation[]): void {
    for (const violation of violations) {
      const text = describeViolation(violation)
      if (this.#violations.has(text)) continue
      this.#world.note(`violation: ${text}`)
      this.#violations.set(text, violation)
    }
  }
}

function realNowMs(): number {
  // biome-ignore lint/style/noRestrictedGlobals: how fast the simulation itself is; nothing in the world sees it
  return performance.now()
}
