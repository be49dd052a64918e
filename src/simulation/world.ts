/**
 * A whole cluster's world in one process: machines, the network between them, virtual time and a trace of all that
 * happened. The same seed and the same code give the same world, event by event.
 *
 *     const world = createWorld({ seed: 7 })
 *     const node = await world.complete(createNode(config, world.addHost('a').env))
 *     await world.run({ untilMs: 60_000 })
 */

import { type DiskSettings, defaultDisk } from './disk.ts'
import { Host, type HostOptions } from './host.ts'
import { defaultNetwork, Network, type NetworkSettings, type Weather } from './network.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'

export interface WorldOptions {
  /** Any safe integer. */
  readonly seed: number
  readonly network?: Partial<NetworkSettings>
  readonly disk?: Partial<DiskSettings>
  /** An exception nobody in a process caught; the process is dead already. Without it, `run` rejects with the error. */
  readonly processFailed?: (host: Host, error: unknown) => void
  /** Told every event as a line of text. */
  readonly watch?: (line: string) => void
}

export interface RunOptions {
  /** Virtual time to stop at, in ms since the world began. */
  readonly untilMs?: number
  /** Or a fact to stop at, looked at after every event … */
  readonly until?: () => boolean
  /** … and how long to wait for it. Default: 10 minutes. */
  readonly limitMs?: number
}

const defaultLimitMs = 600_000

export function createWorld(options: WorldOptions): World {
  return new World(options)
}

export class World {
  readonly seed: number
  readonly hosts = new Map<string, Host>()
  readonly network: Network
  readonly #options: WorldOptions
  readonly #trace: Trace
  readonly #timeline: Timeline

  constructor(options: WorldOptions) {
    this.seed = options.seed
    this.#options = options
    this.#trace = new Trace(options.watch)
    this.#timeline = new Timeline(this.#trace)
    this.network = new Network({
      timeline: this.#timeline,
      trace: this.#trace,
      seed: options.seed,
      settings: { ...defaultNetwork, ...options.network },
    })
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#timeline.nowUs / 1000
  }

  /** 16 hexadecimal digits over every event and note so far. */
  get traceHash(): string {
    return this.#trace.hash()
  }

  /** Events and notes so far. */
  get events(): number {
    return this.#trace.entries
  }

  /** A machine with a name, an address of its own, an empty disk and a process that just started. */
  addHost(name: string, options: HostOptions = {}): Host {
    if (this.hosts.has(name)) throw new Error(`there is a host ${name} already`)
    const context = {
      seed: this.seed,
      network: this.network,
      disk: { ...defaultDisk, ...this.#options.disk },
      processFailed: (host: Host, error: unknown) => {
        this.note(`process of ${host.name} failed: ${String(error)}`)
        if (this.#options.processFailed === undefined) throw error
        this.#options.processFailed(host, error)
      },
    }
    const host = new Host(context, this.hosts.size + 1, name, options)
    this.hosts.set(name, host)
    this.network.add(host)
    host.start()
    return host
  }

  host(name: string): Host {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`no host ${name}`)
    return host
  }

  /** Only hosts of one group reach each other; those not named form a group of their own. Replaces the last one. */
  partition(groups: readonly (readonly string[])[]): void {
    this.network.partition(groups)
  }

  /** Nothing gets from one host to the other; the way back stays open. */
  block(from: string, to: string): void {
    this.network.block(from, to)
  }

  /** Ends all partitions and blocks. */
  heal(): void {
    this.network.heal()
  }

  /** Other delays and losses, everywhere or for all links of the named hosts. */
  setWeather(weather: Partial<Weather>, hosts?: readonly string[]): void {
    this.network.setWeather({ ...this.network.settings.weather, ...weather }, hosts)
  }

  /** The weather of the beginning, everywhere. */
  calm(): void {
    this.network.calm()
  }

  /** A fact of the code above, for the trace: two runs that differ in it differ in their hash. */
  note(text: string): void {
    this.#trace.note(this.#timeline.nowUs, text)
  }

  /** Something the world itself does later; belongs to no host, so no crash forgets it. */
  after(delayMs: number, work: () => void): void {
    this.#timeline.schedule(undefined, 'world', delayMs * 1000, work, 0)
  }

  /** For code outside of all hosts that wants to wait in virtual time. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  /** True: `until` held, or the time was reached. False: it did not hold within the limit, or nothing was left to do. */
  run(options: RunOptions): Promise<boolean> {
    const { untilMs, until, limitMs = defaultLimitMs } = options
    const untilUs = Math.round(untilMs === undefined ? this.#timeline.nowUs + limitMs * 1000 : untilMs * 1000)
    return this.#timeline.run(until === undefined ? { untilUs } : { untilUs, until })
  }

  /** Runs until the promise settles, and gives what it gave. */
  async complete<T>(promise: Promise<T>, limitMs = defaultLimitMs): Promise<T> {
    let settled = false
    const settle = (): void => {
      settled = true
    }
    promise.then(settle, settle)
    if (!(await this.run({ until: () => settled, limitMs }))) {
      throw new Error(`still waiting after ${limitMs} simulated ms`)
    }
    return promise
  }
}
