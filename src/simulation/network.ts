/**
 * What lies between the machines: who reaches whom, how late, how lossy. Owns the draws and the queue of every directed
 * link, and what is done to all connections of a machine; knows nothing of sockets' contents.
 */

import { type Address, NetworkError } from '../env/env.ts'
import type { SimulatedCertificate } from './certificates.ts'
import type { ConnectionEnd } from './connection.ts'
import { type Cut, Cuts } from './cuts.ts'
import type { Process } from './process.ts'
import { SeededRandom } from './random.ts'
import type { Timeline } from './timeline.ts'
import type { Trace } from './trace.ts'
import { type Delay, type Weather, type WeatherArea, WeatherMap } from './weather.ts'

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
  /** What waits for a process that is paused. */
  waitingBytes: number
  receive(packet: Uint8Array, from: Address): void
}

export interface ConnectionPort {
  readonly host: string
  readonly process: Process
  readonly protocol: 'stream' | 'call'
  /** What it shows to whoever connects. */
  readonly shows?: () => SimulatedCertificate | undefined
  accept(end: ConnectionEnd): void
}

/** A host as the network sees it. */
export interface Machine {
  readonly index: number
  readonly name: string
  /** May change while no process runs. */
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
/** Packets that would wait longer for a narrow link are dropped: a queue of half a second. */
const queueMaxUs = 500_000
/** Of IP and UDP, or of IP, TCP and an acknowledgement now and then. */
const headerBytes = 50

/** One way between two machines. */
interface Link {
  readonly random: SeededRandom
  /** When all that was sent before has left. */
  freeAtUs: number
}

export class Network {
  readonly timeline: Timeline
  readonly trace: Trace
  readonly settings: NetworkSettings
  readonly #seed: number
  readonly #machines = new Map<string, Machine>()
  /** By the numbers of both machines; the hot path builds no text. */
  readonly #links = new Map<number, Link>()
  readonly #connections = new Set<ConnectionEnd>()
  readonly #cuts = new Cuts()
  readonly #weather: WeatherMap
  readonly #refusing = new Set<string>()

  constructor(options: { timeline: Timeline; trace: Trace; seed: number; settings: NetworkSettings }) {
    this.timeline = options.timeline
    this.trace = options.trace
    this.settings = options.settings
    this.#seed = options.seed
    this.#weather = new WeatherMap(options.settings.weather)
  }

  add(machine: Machine): void {
    this.#machines.set(machine.ip, machine)
    this.#machines.set(machine.name, machine)
  }

  /** By IP address or name, as `from` sees it. */
  find(host: string, from: Machine): Machine | undefined {
    return isLoopback(host) ? from : this.#machines.get(host)
  }

  /** Two machines swap their addresses, while neither runs a process. */
  readdressed(...machines: readonly Machine[]): void {
    for (const machine of machines) this.#machines.set(machine.ip, machine)
  }

  /** Whether a packet gets through this way now. */
  isOpen(from: Machine, to: Machine): boolean {
    if (!from.powered || !to.powered) return false
    return from === to || !this.#cuts.isClosed(from, to)
  }

  /** Of packets this way now: the probability that one gets lost. */
  lossOf(from: Machine, to: Machine): number {
    return this.#weather.of(from.name, to.name).loss
  }

  /** Closes ways until it is mended by its name. */
  cut(name: string, cut: Cut): void {
    this.#cuts.make(name, cut)
    this.changed()
  }

  /** Without a name: all cuts. */
  mend(name?: string): void {
    if (name === undefined) this.#cuts.mendAll()
    else this.#cuts.mend(name)
    this.changed()
  }

  setWeather(name: string, weather: Weather, area: WeatherArea): void {
    this.#weather.set(name, weather, area)
  }

  calm(name?: string): void {
    this.#weather.calm(name)
  }

  /** Whether connections from elsewhere to this host are answered with a refusal, whoever listens. */
  refuse(host: string, refusing: boolean): void {
    if (refusing) this.#refusing.add(host)
    else this.#refusing.delete(host)
  }

  acceptAll(): void {
    this.#refusing.clear()
  }

  refuses(from: Machine, to: Machine): boolean {
    return from !== to && this.#refusing.has(to.name)
  }

  /** Connections between the two that exist carry nothing this way any more, and nobody is told. */
  halfOpen(from: string, to: string): void {
    for (const end of [...this.#connections]) {
      if (end.machine.name === from && end.peer.machine.name === to) end.silence()
    }
  }

  /** Connections of this host break at both ends, with a reset; of those to `peer` only, if there is one. */
  resetConnections(host: string, peer?: string): void {
    for (const end of [...this.#connections]) {
      const other = end.peer.machine.name
      if (end.machine.name === host && other !== host && (peer ?? other) === other) end.tear()
    }
  }

  /** Delays of the copies of one datagram that arrive: none when it is lost, two when it is duplicated. */
  datagramDelaysUs(from: Machine, to: Machine, bytes: number): number[] {
    if (from === to) return [loopbackUs]
    const link = this.#link(from, to)
    const { random } = link
    const weather = this.#weather.of(from.name, to.name)
    const queuedUs = this.#queuedUs(link, weather, bytes, queueMaxUs)
    if (queuedUs === undefined) return []
    const copies = random.chance(weather.duplicate) ? 2 : 1
    const delays: number[] = []
    for (let copy = 0; copy < copies; copy++) {
      const delayUs = sampleUs(weather.delay, random)
      const heldBackUs = random.chance(weather.reorder) ? random.between(1, 5) * weather.delay.maxMs * 1000 : 0
      if (!random.chance(weather.loss)) delays.push(queuedUs + delayUs + heldBackUs)
    }
    return delays
  }

  segmentDelayUs(from: Machine, to: Machine, bytes = 0): number {
    if (from === to) return loopbackUs
    const link = this.#link(from, to)
    const weather = this.#weather.of(from.name, to.name)
    const queuedUs = this.#queuedUs(link, weather, bytes, Number.POSITIVE_INFINITY)!
    return queuedUs + sampleUs(weather.delay, link.random) + (link.random.chance(weather.loss) ? retransmitUs : 0)
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

  /** How long these bytes take to leave behind what waits already; undefined: too long. */
  #queuedUs(link: Link, { bytesPerSecond }: Weather, bytes: number, maxUs: number): number | undefined {
    if (bytesPerSecond === undefined) return 0
    const { nowUs } = this.timeline
    const waitUs = Math.max(0, link.freeAtUs - nowUs)
    if (waitUs > maxUs) return undefined
    const sendingUs = Math.ceil(((bytes + headerBytes) * 1_000_000) / bytesPerSecond)
    link.freeAtUs = nowUs + waitUs + sendingUs
    return waitUs + sendingUs
  }

  #link(from: Machine, to: Machine): Link {
    const number = from.index * 65_536 + to.index
    let link = this.#links.get(number)
    if (link === undefined) {
      link = { random: new SeededRandom(this.#seed, `network/${from.name}>${to.name}`), freeAtUs: 0 }
      this.#links.set(number, link)
    }
    return link
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

/** Multiplications only: logarithms may differ in the last bit between builds, and with it the whole run. */
function sampleUs(delay: Delay, random: SeededRandom): number {
  const share = random.fraction()
  const tailMs = random.chance(delay.tailChance) ? random.fraction() * delay.tailMs : 0
  return (delay.minMs + (delay.maxMs - delay.minMs) * share * share + tailMs) * 1000
}
