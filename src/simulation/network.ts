/**
 * What lies between the machines: who reaches whom, how late, how lossy. Owns partitions, weather and the draws of
 * every directed link; knows nothing of sockets' contents.
 */

import { type Address, NetworkError } from '../env/env.ts'
import type { ConnectionEnd } from './connection.ts'
import type { Process } from './process.ts'
import { SeededRandom } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'

/** One way, one packet: `minMs` … `maxMs`, short ones likelier; now and then up to `tailMs` more. */
export interface Delay {
  readonly minMs: number
  readonly maxMs: number
  readonly tailChance: number
  readonly tailMs: number
}

/** Probabilities are per packet and direction. Connections feel loss as retransmission delay. */
export interface Weather {
  readonly delay: Delay
  readonly loss: number
  readonly duplicate: number
  /** Held back so long that later ones overtake it. */
  readonly reorder: number
}

export interface NetworkSettings {
  readonly weather: Weather
  /** A byte stream whose bytes are not acknowledged for so long breaks with ETIMEDOUT; an idle one stays half-open. */
  readonly streamBreakMs: number
  /** A call over a dead link breaks after this, as keepalive pings find out. */
  readonly callBreakMs: number
  /** Giving up on a call's connection. */
  readonly callConnectMs: number
  /** Bytes of messages under way per direction of a call. */
  readonly callWindowBytes: number
}

export const defaultNetwork: NetworkSettings = {
  weather: {
    delay: { minMs: 0.2, maxMs: 2, tailChance: 0.01, tailMs: 20 },
    loss: 0.001,
    duplicate: 0.0005,
    reorder: 0.001,
  },
  streamBreakMs: 15_000,
  callBreakMs: 10_000,
  callConnectMs: 10_000,
  callWindowBytes: 256 * 1024,
}

export interface DatagramPort {
  readonly host: string
  readonly process: Process
  receive(packet: Uint8Array, from: Address): void
}

export interface ConnectionPort {
  readonly host: string
  readonly process: Process
  readonly protocol: 'stream' | 'call'
  accept(end: ConnectionEnd): void
}

/** A host as the network sees it. */
export interface Machine {
  readonly index: number
  readonly name: string
  readonly ip: string
  powered: boolean
  readonly datagramPorts: Map<number, DatagramPort>
  readonly connectionPorts: Map<number, ConnectionPort>
  ephemeralPort(): number
}

/** One way within a machine. */
const loopbackUs = 20
/** The smallest retransmission timeout of Linux's TCP. */
const retransmitUs = 200_000

export class Network {
  readonly timeline: Timeline
  readonly trace: Trace
  readonly settings: NetworkSettings
  readonly #seed: number
  readonly #machines = new Map<string, Machine>()
  /** By the numbers of both machines; the hot path builds no text. */
  readonly #links = new Map<number, SeededRandom>()
  readonly #connections = new Set<ConnectionEnd>()
  /** Group of each named host of the present partition. */
  #groups = new Map<string, number>()
  readonly #blocked = new Set<string>()
  readonly #weather = new Map<string, Weather>()
  #globalWeather: Weather

  constructor(options: { timeline: Timeline; trace: Trace; seed: number; settings: NetworkSettings }) {
    this.timeline = options.timeline
    this.trace = options.trace
    this.settings = options.settings
    this.#seed = options.seed
    this.#globalWeather = options.settings.weather
  }

  add(machine: Machine): void {
    this.#machines.set(machine.ip, machine)
    this.#machines.set(machine.name, machine)
  }

  /** By IP address or name, as `from` sees it. */
  find(host: string, from: Machine): Machine | undefined {
    return isLoopback(host) ? from : this.#machines.get(host)
  }

  /** Whether a packet gets through this way now. */
  isOpen(from: Machine, to: Machine): boolean {
    if (!from.powered || !to.powered) return false
    if (from === to) return true
    if (this.#groups.size > 0 && this.#groupOf(from) !== this.#groupOf(to)) return false
    return this.#blocked.size === 0 || !this.#blocked.has(linkKey(from, to))
  }

  /** Only hosts of one group reach each other; hosts that are not named form a group of their own. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#groups = new Map(groups.flatMap((names, group) => names.map((name) => [name, group] as const)))
    this.changed()
  }

  /** One-way: nothing gets from one to the other; the way back stays open. */
  block(from: string, to: string): void {
    this.#blocked.add(`${from}>${to}`)
    this.changed()
  }

  /** Ends all partitions and blocks. */
  heal(): void {
    this.#groups = new Map()
    this.#blocked.clear()
    this.changed()
  }

  /** For all links, or those that touch the named hosts. */
  setWeather(weather: Weather, hosts?: readonly string[]): void {
    if (hosts === undefined) this.#globalWeather = weather
    else for (const name of hosts) this.#weather.set(name, weather)
  }

  calm(): void {
    this.#weather.clear()
    this.#globalWeather = this.settings.weather
  }

  /** Delays of the copies of one datagram that arrive: none when it is lost, two when it is duplicated. */
  datagramDelaysUs(from: Machine, to: Machine): number[] {
    if (from === to) return [loopbackUs]
    const random = this.#link(from, to)
    const weather = this.#weatherOf(from, to)
    const copies = random.chance(weather.duplicate) ? 2 : 1
    const delays: number[] = []
    for (let copy = 0; copy < copies; copy++) {
      const delayUs = sampleUs(weather.delay, random)
      const heldBackUs = random.chance(weather.reorder) ? random.between(1, 5) * weather.delay.maxMs * 1000 : 0
      if (!random.chance(weather.loss)) delays.push(delayUs + heldBackUs)
    }
    return delays
  }

  segmentDelayUs(from: Machine, to: Machine): number {
    if (from === to) return loopbackUs
    const random = this.#link(from, to)
    const weather = this.#weatherOf(from, to)
    return sampleUs(weather.delay, random) + (random.chance(weather.loss) ? retransmitUs : 0)
  }

  watch(end: ConnectionEnd): void {
    this.#connections.add(end)
  }

  forget(end: ConnectionEnd): void {
    this.#connections.delete(end)
  }

  /** Links opened or closed, or a machine went up or down: connections hold or release what is under way. */
  changed(): void {
    for (const end of [...this.#connections]) end.linkChanged()
  }

  #groupOf(machine: Machine): number {
    return this.#groups.get(machine.name) ?? -1
  }

  #weatherOf(from: Machine, to: Machine): Weather {
    if (this.#weather.size === 0) return this.#globalWeather
    return this.#weather.get(from.name) ?? this.#weather.get(to.name) ?? this.#globalWeather
  }

  #link(from: Machine, to: Machine): SeededRandom {
    const number = from.index * 65_536 + to.index
    let random = this.#links.get(number)
    if (random === undefined) {
      random = new SeededRandom(this.#seed, `network/${linkKey(from, to)}`)
      this.#links.set(number, random)
    }
    return random
  }
}

export function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost' || host === '::1'
}

/** The port to bind: the one asked for or, for 0, one the system picks. Throws `NetworkError` as bind(2) would. */
export function portFor(machine: Machine, at: Address, taken: ReadonlyMap<number, unknown>): number {
  const own = at.host === '0.0.0.0' || at.host === '::' || isLoopback(at.host) || at.host === machine.ip
  if (!own) throw new NetworkError('EADDRNOTAVAIL', `${at.host} is not an address of ${machine.name}`)
  if (!Number.isInteger(at.port) || at.port < 0 || at.port > 65_535) throw new NetworkError('EINVAL', `port ${at.port}`)
  if (at.port === 0) return machine.ephemeralPort()
  if (taken.has(at.port)) throw new NetworkError('EADDRINUSE', `port ${at.port} of ${machine.name} is taken`)
  return at.port
}

/** Whether something bound to `bound` hears what is sent to `to`. */
export function hears(bound: string, to: string): boolean {
  if (bound === '0.0.0.0' || bound === '::') return true
  return isLoopback(bound) === isLoopback(to)
}

function linkKey(from: Machine, to: Machine): string {
  return `${from.name}>${to.name}`
}

/** Multiplications only: logarithms may differ in the last bit between builds, and with it the whole run. */
function sampleUs(delay: Delay, random: SeededRandom): number {
  const share = random.fraction()
  const tailMs = random.chance(delay.tailChance) ? random.fraction() * delay.tailMs : 0
  return (delay.minMs + (delay.maxMs - delay.minMs) * share * share + tailMs) * 1000
}
