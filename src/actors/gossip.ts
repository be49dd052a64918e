/**
 * Runs a member of the cluster: the core of `src/gossip`, its sockets and its one wake-up timer. Owns nothing of the
 * protocol; carries bytes and time in, and effects out.
 */

import type { Logger } from 'pino'
import { formatAddress } from '../address.ts'
import { type Address, type Env, NetworkError, type Timer } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { internalPrefix } from '../gossip/answering.ts'
import type { Question } from '../gossip/asking.ts'
import type { Coordinate } from '../gossip/coordinate.ts'
import type { GossipCore, GossipStats, Reply } from '../gossip/core.ts'
import type { Effect, Fact, HeardQuery } from '../gossip/effects.ts'
import { createGossipCore } from '../gossip/gossip.ts'
import type { Member } from '../gossip/member.ts'
import type { Profile } from '../gossip/profile.ts'
import type { QueryFilter } from '../gossip/query-filter.ts'
import type { StreamMessage } from '../gossip/stream-codec.ts'
import { advertised } from './advertise.ts'
import { ClusterKeys } from './cluster-keys.ts'
import { type GossipSealingConfig, openSealing } from './gossip-sealing.ts'
import { bindGossipTransport, type GossipTransport } from './gossip-transport.ts'
import { OpenQueries } from './open-queries.ts'
import { ProblemLog } from './problem-log.ts'
import { rejoin } from './rejoin.ts'
import { findOthers } from './seed.ts'
import type { Query, QueryOptions, ReceivedQuery, SerfFact, SerfKeys, SerfMember } from './serf-member.ts'
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
  const { env, config, log, snapshot } = options
  let member: RunningGossip | undefined
  const problems = new ProblemLog(log, env.clock)
  const seal = openSealing(env, config, log, (problem) => member?.keysStored(problem))
  const transport = await bindGossipTransport({
    env,
    sealing: seal.sealing,
    bind: config.bind,
    streamTimeoutMs: config.profile.streamTimeoutMs,
    packet: (bytes, from) => member?.packet(bytes, from),
    stream: (message, from, reply) => (member ? member.stream(message, from, reply) : reply()),
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
    member = new RunningGossip(options, advertise, core, transport, problems)
    return member
  } catch (error) {
    transport.close()
    throw error
  }
}

type Done = Extract<Effect, { kind: 'done' }>

class RunningGossip implements Gossip {
  readonly name: string
  readonly address: Address
  readonly keys: SerfKeys
  readonly #options: GossipOptions
  readonly #core: GossipCore
  readonly #transport: GossipTransport
  readonly #problems: ProblemLog
  readonly #orders = new Map<number, { resolve: (done: Done) => void; reject: (error: ReeveError) => void }>()
  readonly #queries = new OpenQueries((lTime) => this.#core.forgetQuery(lTime, this.#nowMs))
  readonly #find: (seeds: readonly string[]) => ReturnType<typeof findOthers>
  readonly #strangers: Strangers
  #rejoining: Promise<number> | undefined
  #leaving: Promise<Done> | undefined
  #timer: Timer | undefined
  #timerMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(
    options: GossipOptions,
    address: Address,
    core: GossipCore,
    transport: GossipTransport,
    problems: ProblemLog,
  ) {
    this.#options = options
    this.name = options.config.name
    this.address = address
    this.#core = core
    this.keys = new ClusterKeys({
      ask: (name, payload) => this.#ask({ name, payload }),
      alive: () => core.members().flatMap(({ name, status }) => (status === 'alive' ? [name] : [])),
    })
    this.#transport = transport
    this.#problems = problems
    this.#find = (seeds) => findOthers(seeds, options.env.streams, { advertised: address, bound: transport.address })
    this.#strangers = new Strangers({
      find: this.#find,
      members: () => this.members(),
      join: (at) => this.#order((nowMs) => core.join([at], { replay: true, quiet: true }, nowMs)),
      fraction: () => options.env.random.fraction(),
      met: (place) => options.log.info({ at: place }, 'members that nobody here knew were met at a seed'),
    })
    this.#settle()
  }

  // --- from the sockets and the disk ---------------------------------------------------------------------------------

  packet(bytes: Uint8Array, from: Address): void {
    this.#fromOutside(from, (nowMs) => this.#core.receivePacket(bytes, from, nowMs))
  }

  stream(message: StreamMessage, from: Address, reply: Reply): void {
    this.#fromOutside(from, (nowMs) => this.#core.receiveStream(message, from, nowMs, reply))
  }

  keysStored(problem?: string): void {
    if (this.#closed) return
    this.#core.keysStored(this.#nowMs, problem)
    this.#settle()
  }

  // --- orders and questions ------------------------------------------------------------------------------------------

  members(): Member[] {
    return this.#core.members()
  }

  async join(seeds: readonly string[], { replay = false }: { replay?: boolean } = {}): Promise<number> {
    const { places, problems } = await this.#find(seeds)
    const done = await this.#order((nowMs) => this.#core.join(places, { replay }, nowMs))
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
      join: (places) => this.#order((nowMs) => this.#core.join(places, { replay: true }, nowMs)),
      fraction: () => this.#options.env.random.fraction(),
    }).finally(() => {
      this.#rejoining = undefined
    })
    return this.#rejoining
  }

  async leave(): Promise<void> {
    this.#leaving ??= this.#order((nowMs) => this.#core.leave(nowMs))
    await Promise.all([this.#leaving, this.#options.snapshot?.leave()])
  }

  async forceLeave(name: string, { prune = false }: { readonly prune?: boolean } = {}): Promise<void> {
    const { problems } = await this.#order((nowMs) => this.#core.forceLeave(name, prune, nowMs))
    if (problems.length > 0) throw new ReeveError('DEADLINE_EXCEEDED', problems.join('; '))
  }

  async setTags(tags: ReadonlyMap<string, string>): Promise<void> {
    const { problems } = await this.#order((nowMs) => this.#core.setTags(tags, nowMs))
    for (const problem of problems) this.#options.log.warn(problem)
  }

  async sendEvent(
    name: string,
    payload = noPayload,
    { coalesce = false }: { readonly coalesce?: boolean } = {},
  ): Promise<void> {
    this.#assertOpen()
    this.#core.sendEvent(name, payload, coalesce, this.#nowMs)
    this.#settle()
  }

  async coordinate(name: string): Promise<Coordinate | undefined> {
    return this.#core.coordinate(name)
  }

  async rtt(a: string, b = this.#options.config.name): Promise<number | undefined> {
    return this.#core.rttMs(a, b)
  }

  query(name: string, payload = noPayload, { filterNodes = [], filterTags, ...rest }: QueryOptions = {}): Query {
    if (name.startsWith(internalPrefix) && (name !== '_serf_ping' || payload.length > 0)) {
      throw new ReeveError('REQUEST_MALFORMED', `Queries cannot contain the '${internalPrefix}' prefix`)
    }
    const filters: QueryFilter[] = filterNodes.length > 0 ? [{ kind: 'nodes', nodes: filterNodes }] : []
    for (const [tag, expr] of filterTags ?? []) filters.push({ kind: 'tag', tag, expr })
    return this.#ask({ name, payload, filters, ...rest })
  }

  stats(): GossipStats {
    const stats = this.#core.stats()
    const problems = new Map(stats.problems)
    for (const [reason, count] of this.#problems.counts) problems.set(reason, (problems.get(reason) ?? 0) + count)
    return { ...stats, problems }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#options.env.clock.clearTimeout(this.#timer)
    this.#transport.close()
    this.#queries.close()
    this.#options.snapshot?.close()
    for (const { reject } of this.#orders.values()) reject(new ReeveError('NODE_STOPPING', 'gossip was closed'))
    this.#orders.clear()
  }

  // --- between the core and the world --------------------------------------------------------------------------------

  get #nowMs(): number {
    return this.#options.env.clock.monotonicMs()
  }

  /** Whatever comes from outside may at most waste our time. */
  #fromOutside<T>(from: Address, action: (nowMs: number) => T): T | undefined {
    if (this.#closed) return undefined
    try {
      return action(this.#nowMs)
    } catch (error) {
      this.#problems.add('crashed', toReeveError(error).message, from)
      this.#options.log.error({ err: error, from }, 'gossip failed on a message')
      return undefined
    } finally {
      this.#settle()
    }
  }

  #order(give: (nowMs: number) => number): Promise<Done> {
    return new Promise((resolve, reject) => {
      this.#assertOpen()
      this.#orders.set(give(this.#nowMs), { resolve, reject })
      this.#settle()
    })
  }

  /** Also what the public `query` leaves to Serf itself. */
  #ask(question: Question): Query {
    this.#assertOpen()
    const query = this.#queries.add(this.#core.query(question, this.#nowMs))
    this.#settle()
    return query
  }

  #assertOpen(): void {
    if (this.#closed) throw new ReeveError('NODE_STOPPING', 'gossip is closed')
  }

  /** Does what the core wants done, and sees to it that it is woken in time. */
  #settle(): void {
    if (this.#closed) return
    for (const effect of this.#core.take()) this.#perform(effect)
    this.#options.snapshot?.witness(this.#core.times())
    const wakeMs = this.#core.nextWakeMs()
    if (this.#closed || wakeMs === this.#timerMs) return
    const { clock } = this.#options.env
    clock.clearTimeout(this.#timer)
    this.#timerMs = wakeMs
    this.#timer = clock.setTimeout(() => this.#wake(), Math.max(0, wakeMs - clock.monotonicMs()))
  }

  #wake(): void {
    this.#timerMs = Number.POSITIVE_INFINITY
    try {
      this.#core.wake(this.#nowMs)
      this.#settle()
    } catch (error) {
      this.#end(toReeveError(error))
    }
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'packet':
        this.#transport.send(effect.bytes, effect.to, (error) => {
          this.#problems.add('unsent', error.message, effect.to)
          if (effect.probe === undefined || this.#closed) return
          this.#core.sendFailed(effect.probe, this.#nowMs)
          this.#settle()
        })
        return
      case 'stream':
        this.#request(effect)
        return
      case 'fact':
        this.#tell(effect.fact)
        return
      case 'problem':
        this.#problems.log(effect.reason, effect.detail, effect.from)
        return
      case 'answer':
        this.#queries.hear(effect)
        return
      case 'done':
        this.#orders.get(effect.order)?.resolve(effect)
        this.#orders.delete(effect.order)
        return
    }
  }

  #request({ id, to, bytes, timeoutMs }: Extract<Effect, { kind: 'stream' }>): void {
    const report = (action: () => void) => {
      if (!this.#closed) this.#fromOutside(to, action)
    }
    this.#transport.request(bytes, to, timeoutMs).then(
      ({ value, key }) => report(() => this.#core.streamAnswered(id, value, this.#nowMs, key)),
      (error: Error) => {
        const refused = error instanceof NetworkError && error.code === 'ECONNREFUSED'
        report(() => this.#core.streamFailed(id, error.message, this.#nowMs, refused))
      },
    )
  }

  #tell(fact: Fact): void {
    const { log, emit, config, snapshot } = this.#options
    if (fact.kind === 'query') {
      emit({ kind: 'query', query: this.#received(fact.query) })
      return
    }
    if (fact.kind === 'nameLost') {
      const rival = formatAddress(fact.rival)
      this.#end(new ReeveError('NAME_TAKEN', `the name ${config.name} belongs to the member at ${rival}`))
      return
    }
    snapshot?.note(fact)
    if (fact.kind === 'conflict') log.error({ conflict: fact }, 'two members claim one name')
    else if ('member' in fact) {
      const { name, host, port } = fact.member
      log.info({ member: name, at: `${host}:${port}` }, `member ${fact.kind}`)
    }
    emit(fact)
  }

  #received(heard: HeardQuery): ReceivedQuery {
    const { name, payload, lTime, sourceNode, deadlineMs } = heard
    const respond = (answer: Uint8Array) => {
      this.#assertOpen()
      this.#core.respond(heard, answer, this.#nowMs)
      this.#settle()
    }
    return { name, payload, lTime, from: sourceNode, deadlineMs, respond }
  }

  #end(error: ReeveError): void {
    if (this.#closed) return
    this.close()
    this.#options.emit({ kind: 'ended', error })
  }
}
