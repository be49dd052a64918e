/**
 * A cluster as the world outside of it sees it: clients that ask, the history of what they were answered, the disks below
 * the nodes, and the judges who hold one against the other. Owns no fault and no node.
 */

import { History } from './history.ts'
import type { Host } from './host.ts'
import { Bench, type Verdict } from './judges/bench.ts'
import { leftUnheard } from './judges/known-members.ts'
import { Lookout } from './lookout.ts'
import type { NodeSlot } from './node-slot.ts'
import { SeededRandom } from './random.ts'
import { simulatedDesk } from './simulated-desk.ts'
import { DiskView } from './universe/disk-view.ts'
import type { Limits } from './universe/topic-rules.ts'
import { Universe } from './universe/universe.ts'
import { askAll, audit } from './workload/audit.ts'
import { type ClientMix, startClients, usualClients } from './workload/clients.ts'
import { type Counter, Floor } from './workload/floor.ts'
import { Tide } from './workload/tide.ts'
import type { World } from './world.ts'

/** Clients wait no longer for an answer. */
const longestAskedMs = 5_000

export interface ClientOptions extends Partial<ClientMix> {
  /** Where nodes serve. */
  readonly rpcPort: number
  /** Limits of topics in the nodes' own configuration. */
  readonly limits?: Partial<Limits>
}

export interface OutsideOptions {
  readonly world: World
  readonly slots: readonly NodeSlot[]
  readonly topics: readonly string[]
  readonly pauseMs: number
  readonly recordMaxBytes: number
  readonly clients: ClientOptions
  readonly found: (verdict: Verdict) => void
  /** So many records were acknowledged for the first time. */
  readonly told?: (records: number) => void
}

export interface Tally {
  readonly written: number
  readonly acknowledged: number
  /** Of these, records on no disk in the end. */
  readonly gone: number
}

export class Outside {
  readonly history: History
  readonly universe: Universe
  readonly #options: OutsideOptions
  readonly #bench: Bench
  readonly #lookout: Lookout
  readonly #floor: Floor
  readonly #views = new Map<Host, DiskView>()
  readonly #generations = new Map<Host, number>()
  readonly #replaced = new Set<Host>()
  readonly #lying = new Set<Host>()
  /** On whose disks bits turned over, or that have a copy of such a disk. */
  readonly #rotten = new Set<Host>()
  #rounds = 0

  constructor(options: OutsideOptions) {
    const { world, slots, topics, pauseMs, recordMaxBytes, clients } = options
    this.#options = options
    this.#bench = new Bench(options.found)
    this.#lookout = new Lookout(slots, (name) => world.sometimes(name))
    this.universe = new Universe((fact) => this.#bench.happened(fact, this.universe))
    this.universe.topics.configured = { retentionMs: 0, retentionBytes: 0, retentionRecords: 0, ...clients.limits }
    this.history = new History(() => world.now, {
      begun: (operation) => this.#lookout.begun(operation),
      ended: (operation) => {
        this.look()
        this.#bench.ended(operation, this.universe)
        this.#lookout.ended(operation)
        const { kind, answer } = operation
        if (kind === 'produce' && answer?.ok && !answer.duplicate) options.told?.(answer.count)
      },
    })
    for (const { host } of slots) this.#see(host)
    const counters = slots.map((slot) => this.#counter(slot))
    const { history } = this
    const tide = new Tide(new SeededRandom(world.seed, 'tide'))
    const surroundings = {
      after: (delayMs: number, callback: () => void) => world.after(delayMs, callback),
      deskAt: ({ name }: Counter) => simulatedDesk(world, slots.find((slot) => slot.name === name)!.host),
    }
    this.#floor = new Floor({
      world: surroundings,
      seed: world.seed,
      ...{ history, counters, topics, recordMaxBytes },
      get pauseMs() {
        return pauseMs * tide.slowness(world.now)
      },
    })
    startClients(this.#floor, { ...usualClients, ...clients })
  }

  /** Clients begin nothing more. */
  close(): void {
    this.#floor.close()
  }

  /** Those who would still send something again let it be. Resolves when all that was asked is answered. */
  async silence(): Promise<void> {
    this.#floor.silence()
    await this.#options.world.run({ untilMs: this.#options.world.now + longestAskedMs })
  }

  /** A step of the plan was taken. */
  stepTaken(): void {
    for (const { host } of this.#options.slots) this.#lookAfter(host)
    this.#lookout.stepTaken()
  }

  /**
   * The disk of this host is about to lose what it said was durable, or all of it. What it has then it has from the disk
   * `from`: its own, as that is or was, or another host's.
   */
  losing(name: string, from: string | undefined): void {
    const host = this.#hostOf(name)
    this.look()
    if (from !== undefined && this.#rotten.has(this.#hostOf(from))) this.#rotten.add(host)
    else this.#rotten.delete(host)
    this.universe.lost(this.#diskOf(host))
    this.universe.forgot(host.nodeName)
    this.#replaced.add(host)
  }

  /** A bit turned over on the disk of this host: damage may be found there at any time from now on. */
  rotted(name: string): void {
    const host = this.#hostOf(name)
    this.#rotten.add(host)
    this.universe.lost(this.#diskOf(host))
    this.universe.forgot(host.nodeName)
    // Before anybody can do anything about it.
    this.look()
  }

  /** At the disks. */
  look(): void {
    for (const view of this.#views.values()) view.look()
  }

  /** What does not hold yet of what must hold at rest. Asks every node for everything; only when it seems quiet. */
  async rests(): Promise<Verdict[]> {
    const { world, topics, clients } = this.#options
    this.#rounds++
    const named = (clients.cursorUsers ?? usualClients.cursorUsers) > 0 ? topics.slice(0, 1) : []
    await world.complete(audit(this.#floor, this.#rounds, named))
    this.look()
    return this.#bench.rests({ ...this.#rest(), round: this.#rounds })
  }

  /** Who does not say that this node has left, which has just said so. */
  async leftUnheard(name: string): Promise<Verdict[]> {
    await this.#options.world.complete(askAll(this.#floor))
    return leftUnheard(name, this.#rest()).map((finding) => ({ judge: 'knownMembers', ...finding }))
  }

  /** Whether anything may go by a limit in this run. */
  get expires(): boolean {
    const { topics, clients } = this.#options
    return (clients.topicKeepers ?? 0) > 0 || topics.some((topic) => this.universe.topics.expires(topic))
  }

  tally(): Tally {
    const stored = new Map<string, number>()
    const places = new Set<string>()
    let written = 0
    for (const operation of this.history.operations) {
      if (operation.kind !== 'produce') continue
      const { answer, sums, place, topic } = operation
      if (place === undefined || !places.has(`${topic}/${place}`)) written += sums.length
      if (place !== undefined) places.add(`${topic}/${place}`)
      if (answer?.ok) stored.set(`${answer.log}/${answer.base}`, answer.count)
    }
    let [acknowledged, gone] = [0, 0]
    for (const [id, count] of stored) {
      acknowledged += count
      const slash = id.lastIndexOf('/')
      const frame = this.universe.frameAt(id.slice(0, slash), Number(id.slice(slash + 1)))
      if (frame === undefined || frame.heldBy.size === 0) gone += count
    }
    return { written, acknowledged, gone }
  }

  #counter(slot: NodeSlot): Counter {
    const { host } = slot
    const { rpcPort } = this.#options.clients
    const diskOf = () => this.#diskOf(host)
    return {
      name: host.name,
      get isUp() {
        return slot.state === 'up'
      },
      get disk() {
        return diskOf()
      },
      get server() {
        return { host: host.ip, port: rpcPort, isSecure: 'serverTls' in host.settings }
      },
    }
  }

  #lookAfter(host: Host): void {
    this.#lookAt(host)
    this.universe.named(this.#diskOf(host), host.nodeName)
  }

  /** What a disk that lies has cannot be told from what it has not; when it is over, it is another disk to us. */
  #lookAt(host: Host): void {
    const { isLying } = host.disk.troubles
    if (isLying) {
      this.universe.lost(this.#diskOf(host))
      this.#lying.add(host)
    }
    if (!this.#replaced.delete(host) && (isLying || !this.#lying.delete(host))) return
    this.universe.withoutDisk(this.#diskOf(host))
    this.#generations.set(host, (this.#generations.get(host) ?? 1) + 1)
    this.#see(host)
    this.look()
    if (isLying || this.#rotten.has(host)) this.universe.lost(this.#diskOf(host))
  }

  #hostOf(name: string): Host {
    return this.#options.slots.find((slot) => slot.name === name)!.host
  }

  #diskOf(host: Host): string {
    const generation = this.#generations.get(host) ?? 1
    return generation === 1 ? host.name : `${host.name}, disk ${generation}`
  }

  #see(host: Host): void {
    const name = this.#diskOf(host)
    this.#views.delete(host)
    const { universe } = this
    this.#views.set(
      host,
      new DiskView(host.disk, {
        held: (log, frame, bytes) => {
          this.#lookout.held(name, log, universe.frameAt(log, frame.base) === undefined)
          universe.held(name, log, frame, bytes)
        },
        durable: (log, frame) => universe.durable(name, log, frame),
        gone: (log, ...what) => universe.gone(name, log, ...what),
      }),
    )
  }

  #rest() {
    const live = this.#options.slots
      .filter(({ state }) => state === 'up')
      .map(({ name, host, node }) => {
        const bounds = (log: string) => this.#views.get(host)?.bounds(log)
        return { node: name, name: node?.name ?? name, disk: this.#diskOf(host), bounds }
      })
    return { universe: this.universe, history: this.history, live }
  }
}
