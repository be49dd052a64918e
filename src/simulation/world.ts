/**
 * A whole cluster's world in one process: machines, the network between them, virtual time and a trace of all that
 * happened. The same seed and the same code give the same world, event by event.
 *
 *     const world = createWorld({ seed: 7 })
 *     const node = await world.complete(createNode(config, world.addHost('a').env))
 *     await world.run({ untilMs: 60_000 })
 */

import { wallMs } from './clock.ts'
import { groupsApart, oneWay, sidesApart } from './cuts.ts'
import { type DiskSettings, defaultDisk } from './disk.ts'
import { type FlapOptions, Flapping } from './flapping.ts'
import { Host, type HostOptions } from './host.ts'
import { defaultNetwork, Network, type NetworkSettings } from './network.ts'
import type { Sometimes } from './sometimes.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'
import type { Weather, WeatherArea } from './weather.ts'

export interface WorldOptions {
  /** Any safe integer. */
  readonly seed: number
  readonly network?: Partial<NetworkSettings>
  readonly disk?: Partial<DiskSettings>
  /** An exception nobody in a process caught; the process is dead already. Without it, `run` rejects with the error. */
  readonly processFailed?: (host: Host, error: unknown) => void
  /** Called before each event, when all promises rest, by whoever looks on; must change nothing. */
  readonly rested?: () => void
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
  readonly reached: Partial<Record<Sometimes, number>> = {}
  readonly #options: WorldOptions
  readonly #trace: Trace
  readonly #timeline: Timeline
  readonly #flapping: Flapping

  constructor(options: WorldOptions) {
    this.seed = options.seed
    this.#options = options
    this.#trace = new Trace(options.watch)
    this.#timeline = new Timeline(this.#trace, options.rested)
    this.network = new Network({
      timeline: this.#timeline,
      trace: this.#trace,
      seed: options.seed,
      settings: { ...defaultNetwork, ...options.network },
    })
    this.#flapping = new Flapping(this.network)
  }

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#timeline.nowUs / 1000
  }

  /** The true time, in ms since 1970. */
  get wallMs(): number {
    return wallMs(this.#timeline.nowUs, { offsetMs: 0, driftPpm: 0 })
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

  /** Only hosts of one group reach each other; those not named form a group of their own. `name`: for `heal`. */
  partition(groups: readonly (readonly string[])[], name = 'partition'): void {
    this.network.cut(name, groupsApart(groups))
  }

  /** Hosts of different sides do not reach each other; those not named reach all. */
  bridge(sides: readonly (readonly string[])[], name = 'bridge'): void {
    this.network.cut(name, sidesApart(sides))
  }

  /** Nothing gets from one host to the other; the way back stays open. */
  block(from: string, to: string, name = `block ${from}>${to}`): void {
    this.network.cut(name, oneWay(from, to))
  }

  /** Between hosts of different sides the network goes and comes, beginning with going. */
  flap(sides: readonly (readonly string[])[], options: FlapOptions, name = 'flap'): void {
    this.#flapping.begin(name, sidesApart(sides), options)
  }

  /** Ends the partition, bridge, block or flapping of this name; without one, all of them. */
  heal(name?: string): void {
    this.#flapping.end(name)
    this.network.mend(name)
  }

  /** Other delays and losses, everywhere or in an area; what is not given is as at the beginning. `name`: for `calm`. */
  setWeather(weather: Partial<Weather>, area: WeatherArea | readonly string[] = {}, name?: string): void {
    const place: WeatherArea = Array.isArray(area) ? { hosts: area } : (area as WeatherArea)
    this.network.setWeather(name ?? JSON.stringify(place), { ...this.network.settings.weather, ...weather }, place)
  }

  /** Ends the weather of this name; without one, all of it is as at the beginning. */
  calm(name?: string): void {
    this.network.calm(name)
  }

  /** Each of the two has the address of the other from now on; neither may run a process. */
  swapAddresses(one: string, other: string): void {
    const [first, second] = [this.host(one), this.host(other)]
    if (first.alive || second.alive) throw new Error('addresses are swapped between runs')
    const { ip } = first
    first.ip = second.ip
    second.ip = ip
    this.network.readdressed(first, second)
  }

  /** Every way is open, every process goes on, every disk works; clocks stay as they are. */
  healAll(): void {
    this.heal()
    this.calm()
    this.network.acceptAll()
    for (const host of this.hosts.values()) {
      host.disk.end()
      host.resume()
    }
  }

  /** A fact of the code above, for the trace: two runs that differ in it differ in their hash. */
  note(text: string): void {
    this.#trace.note(this.#timeline.nowUs, text)
  }

  /** A rare state was reached (see `sometimes.ts`). Counts, and changes nothing. */
  sometimes(name: Sometimes): void {
    this.reached[name] = (this.reached[name] ?? 0) + 1
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
