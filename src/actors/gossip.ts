/**
 * A member of the cluster that gossips itself: brings the core of `src/gossip`, its sockets and its snapshot together,
 * and orders and asks for whoever runs it. Owns nothing of the protocol; when the core runs, and what becomes of its
 * effects, is the business of `gossip-driver.ts`.
 */

import type { Logger } from 'pino'
import type { Address, Env } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { internalPrefix } from '../gossip/answering.ts'
import type { Coordinate } from '../gossip/coordinate.ts'
import type { GossipStats } from '../gossip/core.ts'
import { createGossipCore } from '../gossip/gossip.ts'
import type { Member } from '../gossip/member.ts'
import type { Done } from '../gossip/orders.ts'
import type { Profile } from '../gossip/profile.ts'
import type { QueryFilter } from '../gossip/query-filter.ts'
import { advertised } from './advertise.ts'
import { ClusterKeys } from './cluster-keys.ts'
import { GossipDriver } from './gossip-driver.ts'
import { type GossipSealingConfig, openSealing } from './gossip-sealing.ts'
import { bindGossipTransport } from './gossip-transport.ts'
import { ProblemLog } from './problem-log.ts'
import { rejoin } from './rejoin.ts'
import { findOthers } from './seed.ts'
import type { Query, QueryOptions, SerfFact, SerfKeys, SerfMember } from './serf-member.ts'
import type { SnapshotFile } from './snapshot-file.ts'
import { Strangers } from './strangers.ts'

export interface GossipConfig extends GossipSealingConfig {
  readonly name: string
  /** Packets and streams; port 0: the system picks one for both. */
  readonly bind: Address
  /** What we tell the others; default: the bound address, or our best own one when bound to all. Port 0: the bound one. */
  readonly advertise?: Address
  readonly tags: ReadonlyMap<string, string>
  readonly profile: Profile
  /** Of what we send. */
  readonly compression: boolean
  /** False: no coordinates are told or taken in. Default true. */
  readonly coordinates?: boolean
}

/** `ended`: by itself, told last; `NAME_TAKEN` when the others hold another member for the owner of our name. */
export type GossipFact = SerfFact | { readonly kind: 'ended'; readonly error: ReeveError }

export interface GossipOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'disk' | 'datagrams' | 'streams' | 'aead'>
  readonly config: GossipConfig
  readonly log: Logger
  readonly emit: (fact: GossipFact) => void
  /** What an earlier run knew, and where to write down what this one does. Closed with the member. */
  readonly snapshot?: SnapshotFile
}

/** A member that gossips itself. */
export interface Gossip extends SerfMember {
  /**
   * One attempt at the members that have failed for all we know, those of an earlier run among them, in random order
   * until one of them takes us back; resolves with 0 when there are none. Rejects with `UNAVAILABLE` when none answers.
   */
  rejoin(): Promise<number>
  stats(): GossipStats
}

const noPayload = new Uint8Array(0)

/** Rejects with `ADDRESS_UNUSABLE`, `KEYRING_INVALID`, `CONFIG_INVALID` or `REQUEST_MALFORMED`; nothing is told before. */
export async function startGossip(options: GossipOptions): Promise<Gossip> {
  const { env, config, log, snapshot, emit } = options
  let driver: GossipDriver | undefined
  const problems = new ProblemLog(log, env.clock)
  const seal = openSealing(env, config, log, (problem) => driver?.keysStored(problem))
  const transport = await bindGossipTransport({
    env,
    sealing: seal.sealing,
    bind: config.bind,
    streamTimeoutMs: config.profile.streamTimeoutMs,
    packet: (bytes, from) => driver?.packet(bytes, from),
    stream: (message, from, reply) => (driver ? driver.stream(message, from, reply) : reply()),
    problem: (reason, detail, from) => problems.add(reason, detail, from),
  })
  try {
    const advertise = await advertised(env.streams, config.advertise, transport.address)
    const { name, tags, profile, compression, coordinates = true } = config
    const memory = snapshot?.memory
    const random = () => env.random.fraction()
    const settings = { name, advertise, tags, profile, compression, coordinates, ...seal, ...(memory && { memory }) }
    const core = createGossipCore(settings, random, env.clock.monotonicMs())
    snapshot?.begin({ name, at: advertise })
    const ended = (error: ReeveError) => emit({ kind: 'ended', error })
    driver = new GossipDriver(core, { name, clock: env.clock, log, transport, problems, snapshot, emit, ended })
    return new RunningGossip(options, advertise, transport.address, driver)
  } catch (error) {
    transport.close()
    throw error
  }
}

class RunningGossip implements Gossip {
  readonly name: string
  readonly address: Address
  readonly keys: SerfKeys
  readonly #options: GossipOptions
  readonly #driver: GossipDriver
  readonly #find: (seeds: readonly string[]) => ReturnType<typeof findOthers>
  readonly #strangers: Strangers
  #rejoining: Promise<number> | undefined
  #leaving: Promise<Done> | undefined

  constructor(options: GossipOptions, address: Address, bound: Address, driver: GossipDriver) {
    this.#options = options
    this.name = options.config.name
    this.address = address
    this.#driver = driver
    this.keys = new ClusterKeys({
      ask: (name, payload) => driver.ask({ name, payload }),
      alive: () => this.members().flatMap(({ name, status }) => (status === 'alive' ? [name] : [])),
    })
    this.#find = (seeds) => findOthers(seeds, options.env.streams, { advertised: address, bound })
    this.#strangers = new Strangers({
      find: this.#find,
      members: () => this.members(),
      join: (at) => driver.order((core, nowMs) => core.join([at], { replay: true, quiet: true }, nowMs)),
      fraction: () => options.env.random.fraction(),
      met: (place) => options.log.info({ at: place }, 'members that nobody here knew were met at a seed'),
    })
  }

  members(): Member[] {
    return this.#driver.view.members()
  }

  async join(seeds: readonly string[], { replay = false }: { replay?: boolean } = {}): Promise<number> {
    const { places, problems } = await this.#find(seeds)
    const done = await this.#driver.order((core, nowMs) => core.join(places, { replay }, nowMs))
    problems.push(...done.problems)
    if (done.reached === 0 && problems.length > 0) {
      throw new ReeveError('UNAVAILABLE', `no member could be joined: ${problems.join('; ')}`)
    }
    for (const problem of problems) this.#options.log.warn({ problem }, 'a seed could not be joined')
    return done.reached
  }

  meet(seeds: readonly string[]): Promise<number> {
    return this.#strangers.meet(seeds)
  }

  rejoin(): Promise<number> {
    this.#rejoining ??= rejoin({
      failed: () => this.members().filter(({ status }) => status === 'failed'),
      isAccompanied: () =>
        this.members().some(({ name, status }) => name !== this.#options.config.name && status === 'alive'),
      // What they told each other meanwhile is news to us: what we had heard before is known.
      join: (places) => this.#driver.order((core, nowMs) => core.join(places, { replay: true }, nowMs)),
      fraction: () => this.#options.env.random.fraction(),
    }).finally(() => {
      this.#rejoining = undefined
    })
    return this.#rejoining
  }

  async leave(): Promise<void> {
    this.#leaving ??= this.#driver.order((core, nowMs) => core.leave(nowMs))
    await Promise.all([this.#leaving, this.#options.snapshot?.leave()])
  }

  async forceLeave(name: string, { prune = false }: { readonly prune?: boolean } = {}): Promise<void> {
    const { problems } = await this.#driver.order((core, nowMs) => core.forceLeave(name, prune, nowMs))
    if (problems.length > 0) throw new ReeveError('DEADLINE_EXCEEDED', problems.join('; '))
  }

  async setTags(tags: ReadonlyMap<string, string>): Promise<void> {
    const { problems } = await this.#driver.order((core, nowMs) => core.setTags(tags, nowMs))
    for (const problem of problems) this.#options.log.warn(problem)
  }

  async sendEvent(
    name: string,
    payload = noPayload,
    { coalesce = false }: { readonly coalesce?: boolean } = {},
  ): Promise<void> {
    this.#driver.sendEvent(name, payload, coalesce)
  }

  async coordinate(name: string): Promise<Coordinate | undefined> {
    return this.#driver.view.coordinate(name)
  }

  async rtt(a: string, b = this.#options.config.name): Promise<number | undefined> {
    return this.#driver.view.rttMs(a, b)
  }

  query(name: string, payload = noPayload, { filterNodes = [], filterTags, ...rest }: QueryOptions = {}): Query {
    if (name.startsWith(internalPrefix) && (name !== '_serf_ping' || payload.length > 0)) {
      throw new ReeveError('REQUEST_MALFORMED', `Queries cannot contain the '${internalPrefix}' prefix`)
    }
    const filters: QueryFilter[] = filterNodes.length > 0 ? [{ kind: 'nodes', nodes: filterNodes }] : []
    for (const [tag, expr] of filterTags ?? []) filters.push({ kind: 'tag', tag, expr })
    return this.#driver.ask({ name, payload, filters, ...rest })
  }

  stats(): GossipStats {
    return this.#driver.stats()
  }

  close(): void {
    this.#driver.close()
  }
}
