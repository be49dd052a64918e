/**
 * A cluster through a plan of faults: nodes start and end by schedule while clients write and read, then everything is
 * healed and the cluster must come to rest with all promises kept, then it is stopped and nothing may be left. Works with
 * any node that can be held by a `NodeHandle`.
 */

import { describeStep } from './describe-fault.ts'
import { applyFault, endFaults, type FaultTargets } from './fault-application.ts'
import type { FaultStep } from './faults.ts'
import { Inside } from './inside.ts'
import { describeViolation, type Violation } from './invariants.ts'
import { islandsOf } from './islands.ts'
import type { Verdict } from './judges/bench.ts'
import type { StartNode } from './node-handle.ts'
import { NodeSlot } from './node-slot.ts'
import { type ClientOptions, Outside } from './outside.ts'
import { OwnWriters } from './own-writers.ts'
import { SeededRandom } from './random.ts'
import type { RunObserver } from './run-observer.ts'
import type { SometimesCounts } from './sometimes.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'

export type { NodeHandle, StartContext, StartNode } from './node-handle.ts'

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
  /**
   * Before all is healed so long nobody writes, and nothing new goes wrong: nodes that reach each other by then, be it
   * through others, have the same. Only where none has a disk that takes nothing. Default: none.
   */
  readonly lullMs?: number
  /** How long the healed cluster may take to come to rest. Default: 2 minutes. */
  readonly settleMs?: number
  /** How long a graceful stop may take. Default: 30 s. */
  readonly stopMs?: number
  readonly world?: Omit<WorldOptions, 'seed' | 'processFailed'>
  /** Clients that speak Reeve's contract; what they are answered is held against all disks. */
  readonly clients?: ClientOptions
  readonly observer?: RunObserver
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
  /** How often rare states were reached (see `sometimes.ts`), and what there was to bring them about. */
  readonly sometimes: SometimesCounts
  readonly had: readonly string[]
  readonly simulatedMs: number
  readonly realMs: number
}

/** Between two looks at the promises that hold at all times. */
const watchMs = 5_000
/** Between two looks at whether the healed cluster rests; to look at all disks is dear, and is done ever less often. */
const pollMs = 250
const pollMaxMs = 8_000

/** How long it may take until all others know that a node has left. */
const heardMs = 20_000

export async function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  const beganMs = realNowMs()
  const scenario = new Scenario(options)
  await scenario.churn()
  await scenario.lull()
  await scenario.settle()
  await scenario.stop()
  return scenario.result(realNowMs() - beganMs)
}

class Scenario {
  readonly #options: ScenarioOptions
  readonly #world: World
  readonly #slots: readonly NodeSlot[]
  readonly #violations = new Map<string, Violation>()
  readonly #writers: OwnWriters
  readonly #inside: Inside
  readonly #outside: Outside | undefined
  #gone = 0
  #writing = true

  constructor(options: ScenarioOptions) {
    this.#options = options
    const { topics = ['events'], writePauseMs: pauseMs = 200, recordMaxBytes = 100, clients, observer } = options
    const world = createWorld({
      ...options.world,
      ...(observer && { rested: () => observer.rested?.() }),
      seed: options.seed,
      processFailed: (host, error) => this.#slot(host.name).processFailed(error),
    })
    this.#world = world
    const report = (violation: Violation): void => this.#report([violation])
    const hosts = options.hosts.map((name) => world.addHost(name))
    const { startNode, stopMs = 30_000 } = options
    const slots = hosts.map((host) => new NodeSlot({ context: { host, hosts, world }, startNode, stopMs, report }))
    this.#slots = slots
    observer?.began?.(world, slots)
    const acknowledged = (records: number): void => observer?.acknowledged?.(records)
    const load = { world, slots, topics, pauseMs, recordMaxBytes, told: acknowledged }
    // Where clients write, nodes need not do so themselves.
    this.#writers = new OwnWriters({ ...load, slots: clients ? [] : slots, report })
    this.#inside = new Inside(slots, clients ? undefined : this.#writers)
    if (clients) this.#outside = new Outside({ ...load, clients, found: (verdict) => report(toViolation(verdict)) })
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
    this.#writers.stop()
    this.#outside?.close()
  }

  /** What lasts goes on. */
  async lull(): Promise<void> {
    const { lullMs } = this.#options
    if (lullMs === undefined) return
    const { network, now } = this.#world
    this.#world.note('lull')
    await this.#world.run({ untilMs: now + lullMs })
    const up = this.#slots.filter(({ node, state }) => node !== undefined && state === 'up')
    const islands = islandsOf(up, (from, to) => network.isOpen(from.host, to.host))
    for (const island of islands) this.#report(this.#inside.behind(island))
  }

  /** Everything is healed and up; time must do the rest. */
  async settle(): Promise<void> {
    const world = this.#world
    world.note('heal all')
    this.#options.observer?.healed?.()
    endFaults(this.#targets())
    this.#outside?.stepTaken()
    const deadlineMs = world.now + (this.#options.settleMs ?? 120_000)
    let open: Violation[] = []
    let pauseMs = pollMs
    for (;;) {
      for (const slot of this.#slots) slot.start()
      const isLate = world.now >= deadlineMs
      open = this.#inside.unsettled(isLate)
      if (open.length === 0 || isLate) {
        open.push(...((await this.#outside?.rests()) ?? []).map(toViolation))
        if (open.length === 0 || isLate) break
        pauseMs = Math.min(2 * pauseMs, pollMaxMs)
      }
      await world.run({ untilMs: world.now + pauseMs })
    }
    world.note(open.length === 0 ? 'settled' : 'did not settle')
    this.#report(open)
    this.#options.observer?.settled?.(open.length === 0)
    this.#look('all')
    this.#gone = this.#inside.gone()
  }

  /** One after the other, in an order by seed. */
  async stop(): Promise<void> {
    const limitMs = (this.#options.stopMs ?? 30_000) + 1_000
    await this.#outside?.silence()
    for (const slot of new SeededRandom(this.#options.seed, 'stop').shuffle(this.#slots)) {
      const name = slot.node?.name
      slot.stop()
      if (!(await this.#world.run({ until: () => slot.state === 'down', limitMs }))) slot.end('kill')
      else if (name !== undefined && this.#outside) await this.#heard(name)
    }
  }

  /** Those that are left know that it has left, and let go of it. */
  async #heard(name: string): Promise<void> {
    const deadlineMs = this.#world.now + heardMs
    for (;;) {
      const open = this.#inside.peers()
      if (open.length === 0) open.push(...((await this.#outside?.leftUnheard(name)) ?? []).map(toViolation))
      if (open.length === 0 || this.#world.now >= deadlineMs) return this.#report(open)
      await this.#world.run({ untilMs: this.#world.now + pollMs })
    }
  }

  result(realMs: number): ScenarioResult {
    const { acknowledged, written } = this.#writers
    const own = { acknowledged: acknowledged.size, written, gone: this.#gone }
    const tally = this.#outside?.tally() ?? own
    return {
      seed: this.#options.seed,
      traceHash: this.#world.traceHash,
      events: this.#world.events,
      steps: this.#options.steps,
      acknowledged: tally.acknowledged,
      gone: tally.gone,
      unacknowledged: tally.written - tally.acknowledged,
      violations: [...this.#violations.values()],
      sometimes: this.#world.reached,
      had: [...whatItHas(this.#options.steps), ...(this.#outside?.expires ? ['retention'] : [])],
      simulatedMs: this.#world.now,
      realMs,
    }
  }

  #take(step: FaultStep): void {
    const world = this.#world
    world.note(describeStep(step))
    this.#options.observer?.step?.(step)
    // What was visible before a crash must be there after it.
    this.#look('new')
    applyFault(step, this.#targets())
    this.#outside?.stepTaken()
  }

  #targets(): FaultTargets {
    return {
      world: this.#world,
      slot: (name) => this.#slot(name),
      losing: (host, from) => {
        this.#inside.losing(host, from)
        this.#outside?.losing(host, from)
      },
      rotted: (host, path) => {
        this.#inside.rotted(host, path)
        this.#outside?.rotted(host)
      },
    }
  }

  #watch(): void {
    this.#world.after(watchMs, () => {
      this.#look('new')
      if (this.#writing) this.#watch()
    })
  }

  #look(which: 'all' | 'new'): void {
    this.#report(this.#inside.look(which))
    this.#outside?.look()
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
      this.#options.observer?.violation?.(violation)
    }
  }
}

function toViolation({ judge, node, reason }: Verdict): Violation {
  return { kind: judge, node, reason }
}

function whatItHas(steps: readonly FaultStep[]): Set<string> {
  return new Set(steps.flatMap((step) => (step.kind === 'disk' ? [step.kind, step.trouble.kind] : step.kind)))
}

function realNowMs(): number {
  // biome-ignore lint/style/noRestrictedGlobals: how fast the simulation itself is; nothing in the world sees it
  return performance.now()
}
