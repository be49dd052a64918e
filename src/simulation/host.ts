/**
 * One machine of the world: an address, a disk, a clock that may be wrong, and at most one process, which is one run of
 * one node. Owns the ways a run can end.
 */

import { aesGcm } from '../env/aes-gcm.ts'
import type { CallerCertificate, Env } from '../env/env.ts'
import { type ClockError, SimulatedClock, setDrift, wallMs } from './clock.ts'
import { SimulatedDatagrams } from './datagrams.ts'
import { type DiskSettings, SimulatedDisk } from './disk.ts'
import type { FileTree } from './file-tree.ts'
import { MountedDisk } from './mounted-disk.ts'
import type { ConnectionPort, DatagramPort, Machine, Network } from './network.ts'
import { type Death, type OpenResources, Process } from './process.ts'
import { SeededRandom } from './random.ts'
import { SimulatedRpc } from './rpc.ts'
import { SimulatedStreams } from './streams.ts'

export interface HostOptions {
  readonly clockError?: Partial<ClockError>
  readonly disk?: Partial<DiskSettings>
  /** What this host proves to a server with TLS when it dials with `tls.cert`. */
  readonly certificate?: CallerCertificate
}

export interface HostContext {
  readonly seed: number
  readonly network: Network
  readonly disk: DiskSettings
  /** An exception nobody in a process caught. The process is dead already. */
  readonly processFailed: (host: Host, error: unknown) => void
}

/** The first port the system picks, as IANA has it. */
const firstEphemeralPort = 49_152

export class Host implements Machine {
  readonly index: number
  readonly name: string
  /** Changes only when two machines swap theirs (`World.swapAddresses`). */
  ip: string
  powered = true
  /** Of the node that runs here; the machine keeps its own. A change counts from the next start. */
  nodeName: string
  /** What the node here is set to beside what all are; for whoever starts it to read. */
  settings: Readonly<Record<string, unknown>> = {}
  readonly datagramPorts = new Map<number, DatagramPort>()
  readonly connectionPorts = new Map<number, ConnectionPort>()
  readonly clockError: ClockError
  readonly disk: SimulatedDisk
  /** How many runs there were. */
  runs = 0
  readonly #context: HostContext
  readonly #certificate: CallerCertificate | undefined
  #process: Process | undefined
  #backup: FileTree | undefined
  #env: Env | undefined
  #nextPort = firstEphemeralPort

  constructor(context: HostContext, index: number, name: string, options: HostOptions) {
    this.#context = context
    this.index = index
    this.name = name
    this.nodeName = name
    this.ip = `10.0.${index >> 8}.${index & 255}`
    this.clockError = { offsetMs: 0, driftPpm: 0, ...options.clockError }
    this.#certificate = options.certificate
    const random = new SeededRandom(context.seed, `disk/${name}`)
    this.disk = new SimulatedDisk({ ...context.disk, ...options.disk }, random, () => this.wallMs)
  }

  /** A process runs here. */
  get alive(): boolean {
    return this.#process?.alive === true
  }

  /** The door of the present run; of the last one when none is alive, and then nothing behind it answers. */
  get env(): Env {
    if (this.#env === undefined) throw new Error(`${this.name} was never started`)
    return this.#env
  }

  /** A new run with a fresh `Env` on the same disk, after the last one ended. */
  start(): Env {
    if (this.alive) throw new Error(`${this.name} runs already`)
    const { network, seed } = this.#context
    this.runs++
    const process = new Process(this.index, network.timeline, (error) => {
      this.kill()
      this.#context.processFailed(this, error)
    })
    const random = new SeededRandom(seed, `process/${this.name}/${this.runs}`)
    // Up to eleven days of uptime: monotonic clocks of two machines, or two runs, have nothing in common.
    const clockBaseMs = random.integer(0, 1_000_000_000)
    const certificate = this.#certificate
    this.#process = process
    this.#env = {
      clock: new SimulatedClock(process, this.clockError, clockBaseMs),
      random,
      disk: new MountedDisk(this.disk, process),
      datagrams: new SimulatedDatagrams(network, this, process),
      streams: new SimulatedStreams(network, this, process),
      rpc: new SimulatedRpc({ network, machine: this, process, certificate, wallMs: () => this.wallMs }),
      aead: aesGcm,
    }
    if (!this.powered) {
      this.powered = true
      network.changed()
    }
    return this.#env
  }

  /** The process ends (kill -9, or by itself): its peers meet resets; the page cache and so every write survives. */
  kill(): void {
    this.#die('killed')
  }

  /** The machine restarts at once: resets as with `kill`, and writes that were not synced are lost. */
  crash(): void {
    this.#die('killed')
    this.disk.crash()
  }

  /** The machine goes dark: no resets, unsynced writes lost; `start` brings it back. */
  powerOff(): void {
    if (!this.powered) return
    this.#die('silent')
    this.disk.crash()
    this.powered = false
    this.#context.network.changed()
  }

  /** What its wall clock shows. */
  get wallMs(): number {
    return wallMs(this.#context.network.timeline.nowUs, this.clockError)
  }

  /** The process stops where it stands (SIGSTOP): nothing of it runs, what comes for it waits in the sockets. */
  pause(): void {
    this.#process?.pause('stopped')
  }

  resume(): void {
    this.#process?.resume('stopped')
  }

  get paused(): boolean {
    return this.alive && this.#process?.paused === true
  }

  /** Its event loop is busy for so long. */
  stall(forMs: number): void {
    const process = this.#process
    if (process?.pause('stalled') !== true) return
    this.#context.network.timeline.schedule(undefined, 'world', forMs * 1000, () => process.resume('stalled'), 0)
  }

  /** The wall clock runs fast (or slow) by so many parts per million from now on. */
  drift(ppm: number): void {
    setDrift(this.#context.network.timeline.nowUs, this.clockError, ppm)
  }

  /** Syncs do not come back for so long. */
  hangDisk(forMs: number): void {
    this.disk.hang(this.#context.network.timeline.nowUs + forMs * 1000)
  }

  /** Keeps a copy of the disk as it is now, in place of the last one. */
  backUp(): void {
    this.#backup = this.disk.image()
  }

  /** Puts the backup on the disk, if there is one; only while no process runs. */
  restoreBackup(): void {
    if (this.#backup !== undefined) this.disk.restore(this.#backup)
  }

  /** What the process holds open now. */
  open(): OpenResources | undefined {
    return this.#process?.alive === true ? this.#process.open() : undefined
  }

  ephemeralPort(): number {
    for (;;) {
      const port = this.#nextPort
      this.#nextPort = port === 65_535 ? firstEphemeralPort : port + 1
      if (!this.connectionPorts.has(port) && !this.datagramPorts.has(port)) return port
    }
  }

  #die(death: Death): void {
    this.#process?.die(death)
  }
}
