/** A world for tests of code that uses Reeve: nodes, clients, what goes wrong, and time that passes only while it runs. */

import { type Logger, pino } from 'pino'
import { type Client, connect } from '../client/client.ts'
import type { ConnectOptions } from '../client/connections.ts'
import { type NodeSettings, parseConfig } from '../config.ts'
import type { Env } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { applyFault, endFaults, type FaultTargets } from './fault-application.ts'
import type { Fault, FaultStep } from './faults.ts'
import { Inside } from './inside.ts'
import { describeViolation } from './invariants.ts'
import { NodeSlot } from './node-slot.ts'
import { reeveNode, rpcPort } from './reeve-node.ts'
import { drawSwarm, faultClasses } from './swarm.ts'
import { createWorld, type World } from './world.ts'

export interface SimulatedWorldOptions {
  /** The same seed and the same code give the same run. Default: 1. */
  readonly seed?: number
  /** Their names. They start when the world first runs. Default: a, b and c. */
  readonly nodes?: readonly string[]
  /** Of all nodes, as in a configuration file; names, addresses and folders are given by the world. */
  readonly settings?: NodeSettings
  /** Of all nodes. Default: none. */
  readonly log?: Logger
}

export interface ChurnOptions {
  /** From now on, in simulated ms. */
  readonly forMs: number
  /**
   * Classes of faults, as `reeve sim --help` lists them. Default: all that lose nothing. `lying-disk`, `bit-rot`, `wipe`,
   * `restore` and `clone` may take records that only one disk had.
   */
  readonly faults?: readonly string[]
  /** Mean pause between two faults. Default: 2 to 8 s, by the seed. */
  readonly gapMs?: number
}

export interface Patience {
  /** In simulated ms. */
  readonly limitMs?: number
}

/** Options of a client, without what the world knows. */
export interface SimulatedClientOptions extends Pick<ConnectOptions, 'discovery' | 'timeoutMs'> {
  /** Name of the machine it runs on, which is made for it. Default: `client`. */
  readonly at?: string
  /** The nodes that it is told of. Default: all. */
  readonly nodes?: readonly string[]
}

/** Faults that a cluster must be set up for before it starts. */
const ofTheBeginning = new Set(['join', 'mixed', 'keys', 'certificates', 'access'])
const losing = new Set(['lying-disk', 'bit-rot', 'wipe', 'restore', 'clone'])
/** Between two looks at whether something holds. */
const lookMs = 10
const settleMs = 120_000
const stopMs = 60_000

export class SimulatedWorld {
  readonly seed: number
  readonly nodes: readonly string[]
  readonly #world: World
  readonly #slots: readonly NodeSlot[]
  readonly #inside: Inside
  readonly #broken = new Set<string>()
  #began = false

  constructor({ seed = 1, nodes = ['a', 'b', 'c'], settings = {}, log }: SimulatedWorldOptions) {
    this.seed = seed
    this.nodes = [...nodes]
    const world = createWorld({ seed, processFailed: (host, error) => this.#failed(host.name, error) })
    this.#world = world
    const hosts = nodes.map((name) => world.addHost(name))
    // What is misspelt is told here and not by a node that does not start.
    parseConfig(settings, { hostName: 'any', resolvePath: (path) => path })
    const startNode = reeveNode({ log: log ?? pino({ level: 'silent' }), settings })
    const report = (violation: Parameters<typeof describeViolation>[0]) => {
      this.#broken.add(describeViolation(violation))
    }
    this.#slots = hosts.map((host) => new NodeSlot({ context: { host, hosts, world }, startNode, stopMs, report }))
    this.#inside = new Inside(this.#slots, undefined)
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#world.now
  }

  /** 16 hexadecimal digits over all that happened so far: two runs that are the same have the same. */
  get traceHash(): string {
    return this.#world.traceHash
  }

  /**
   * Lets time pass until the work is done, and gives what it gave. In it, wait for nothing but this world: its clients,
   * `sleep` and `until`; timers, files and sockets of the real one know nothing of simulated time. All nodes are up
   * before it begins. Rejects with what the work threw, after `limitMs` (default: one hour), or when a node did what no
   * node may do.
   */
  async run<T>(work: () => Promise<T>, { limitMs = 3_600_000 }: Patience = {}): Promise<T> {
    if (!this.#began) {
      this.#began = true
      for (const slot of this.#slots) slot.start()
      await this.#world.complete(this.until(() => this.#slots.every(({ state }) => state !== 'starting')))
    }
    const result = await this.#world.complete(work(), limitMs)
    if (this.#broken.size > 0) throw new Error([...this.#broken].join('\n'))
    return result
  }

  /** For so long, in simulated ms. */
  sleep(ms: number): Promise<void> {
    return this.#world.pause(ms)
  }

  /** Until it holds; looks every 10 ms. Rejects after `limitMs` (default: 2 minutes). */
  async until(holds: () => boolean, { limitMs = 120_000 }: Patience = {}): Promise<void> {
    const untilMs = this.now + limitMs
    while (!holds()) {
      if (this.now >= untilMs) throw new Error(`does not hold after ${limitMs} simulated ms: ${holds}`)
      await this.sleep(lookMs)
    }
  }

  /** A client of the library, on a machine of its own. Close it, or just let the world go. */
  connect({ at = 'client', nodes = this.nodes, ...options }: SimulatedClientOptions = {}): Client {
    const addresses = nodes.map((name) => ({ host: this.#slot(name).host.ip, port: rpcPort }))
    return connect({ ...options, addresses, env: this.env(at) })
  }

  /**
   * The clock, chance, disk and network of a machine without a node, for code that takes an `Env`; the machine is made
   * when it is first named.
   */
  env(machine: string): Env {
    if (this.nodes.includes(machine)) throw new ReeveError('CONFIG_INVALID', `${machine} is a node's machine`)
    return (this.#world.hosts.get(machine) ?? this.#world.addHost(machine)).env
  }

  /** `paused` or stalled: it stands still. */
  state(node: string): 'down' | 'starting' | 'up' | 'stopping' | 'paused' {
    const slot = this.#slot(node)
    return slot.host.paused ? 'paused' : slot.state
  }

  start(node: string): void {
    this.fault({ kind: 'start', host: node })
  }

  /** Gracefully: it leaves its cluster. Takes a while; `until` its `state` is `down`. */
  stop(node: string): void {
    this.fault({ kind: 'stop', host: node })
  }

  /** Its process ends at once, as by `kill -9`. What it wrote is on its disk. */
  kill(node: string): void {
    this.fault({ kind: 'kill', host: node })
  }

  /** Its machine loses power: what was not synced to disk may be lost. */
  crash(node: string): void {
    this.fault({ kind: 'crash', host: node })
  }

  /** Its process stands still until `resume`, as by SIGSTOP. */
  pause(node: string): void {
    this.fault({ kind: 'pause', host: node })
  }

  resume(node: string): void {
    this.fault({ kind: 'resume', host: node })
  }

  /** Machines of different sides do not reach each other until `heal`; those that are not named reach all. */
  partition(...sides: readonly (readonly string[])[]): void {
    this.fault({ kind: 'bridge', sides })
  }

  /** Every partition is over. */
  heal(): void {
    this.fault({ kind: 'heal' })
  }

  /** Anything that can go wrong, or end, as plain data. Does nothing where it makes no sense just now. */
  fault(fault: Fault): void {
    applyFault(fault, this.#targets())
  }

  /** Faults of many kinds, drawn by the seed, that begin and end by themselves. Returns the plan; times from now on. */
  churn({ forMs, faults, gapMs }: ChurnOptions): readonly FaultStep[] {
    const only = faults ?? faultClasses.filter((name) => !losing.has(name) && !ofTheBeginning.has(name))
    const unfit = only.find((name) => ofTheBeginning.has(name) || !faultClasses.includes(name))
    if (unfit !== undefined) throw new ReeveError('CONFIG_INVALID', `faults: ${unfit} is none for a running cluster`)
    const options = {
      seed: this.seed,
      hosts: this.nodes,
      durationMs: forMs,
      only,
      ...(gapMs !== undefined && { gapMs }),
    }
    const { steps } = drawSwarm(options)
    for (const step of steps) this.#world.after(step.atMs, () => this.fault(step))
    return steps
  }

  /**
   * Ends all faults, starts every node that is down, and waits until each has all records of all and takes care of all
   * others. Rejects after `limitMs` (default: 2 minutes) with what is not as it must be.
   */
  async settle({ limitMs = settleMs }: Patience = {}): Promise<void> {
    endFaults(this.#targets())
    const untilMs = this.now + limitMs
    for (;;) {
      for (const slot of this.#slots) slot.start()
      const open = this.#inside.unsettled(false)
      if (open.length === 0) return
      if (this.now >= untilMs) throw new Error(open.map(describeViolation).join('\n'))
      await this.sleep(250)
    }
  }

  #targets(): FaultTargets {
    return {
      world: this.#world,
      slot: (name) => this.#slot(name),
      losing: (host, from) => this.#inside.losing(host, from),
      rotted: (host, path) => this.#inside.rotted(host, path),
    }
  }

  #slot(name: string): NodeSlot {
    const slot = this.#slots.find((candidate) => candidate.name === name)
    if (slot === undefined) throw new ReeveError('CONFIG_INVALID', `there is no node ${name} in this world`)
    return slot
  }

  /** Of a node, or of code on a machine without one: that is its own affair. */
  #failed(host: string, error: unknown): void {
    if (!this.nodes.includes(host)) throw error
    this.#slot(host).processFailed(error)
  }
}
