/**
 * A member that leaves gossip to a Serf agent of this host, over its RPC port. The agent is not ours: others use it,
 * too. So taking part means that it carries our tags, and leaving that they are gone; the agent itself stays.
 *
 * While the agent cannot be reached, what was known of the others stays as it was; once it is back, what has changed
 * meanwhile is told, and it is given our tags again.
 */

import type { Logger } from 'pino'
import type { GossipFact } from '../actors/gossip.ts'
import { findOthers } from '../actors/seed.ts'
import type { KeyResult, Query, QueryOptions, SerfFact, SerfKeys, SerfMember } from '../actors/serf-member.ts'
import { Strangers } from '../actors/strangers.ts'
import { formatAddress, parseAddress } from '../address.ts'
import { backoffMs } from '../backoff.ts'
import type { Address, Env, Timer } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { type Coordinate, distanceNs } from '../gossip/coordinate.ts'
import type { Member } from '../gossip/member.ts'
import { Answers } from './answers.ts'
import { connectSerf, type EventRecord, type SerfClient } from './client.ts'
import { MemberView } from './member-view.ts'

export interface AgentMemberOptions {
  readonly env: Pick<Env, 'clock' | 'random' | 'streams'>
  /** The agent's RPC port. */
  readonly at: Address
  readonly authKey?: string
  /** Must be the agent's: it is what the others know us by. */
  readonly name: string
  /** Added to the agent's own. */
  readonly tags: ReadonlyMap<string, string>
  readonly log: Logger
  readonly emit: (fact: GossipFact) => void
}

/** The agent tries each address of a join for up to 10 s. */
const answerTimeoutMs = 60_000
const connectTimeoutMs = 5_000
const retryMinMs = 250
const retryMaxMs = 10_000
/** Events may get lost on the way to a slow reader; looking at all members heals that. */
const refreshMs = 30_000
const noPayload = new Uint8Array(0)

export class AgentMember implements SerfMember {
  readonly name: string
  readonly keys: SerfKeys
  readonly #options: AgentMemberOptions
  readonly #view: MemberView
  readonly #strangers: Strangers
  #tags: ReadonlyMap<string, string>
  #client: SerfClient | undefined
  #timer: Timer | undefined
  #tries = 0
  #left = false
  #closed = false
  /** Ends a pause. */
  #wake: () => void = () => undefined
  #queries = 0

  constructor(options: AgentMemberOptions) {
    this.#options = options
    this.name = options.name
    this.#tags = options.tags
    this.#view = new MemberView(options.name)
    const key = (command: Parameters<SerfClient['key']>[0]) => (key: string) => this.#reach().key(command, key)
    this.keys = {
      install: key('install-key'),
      use: key('use-key'),
      remove: key('remove-key'),
      list: async (): Promise<KeyResult> => this.#reach().key('list-keys', ''),
    }
    this.#strangers = new Strangers({
      find: (seeds) => findOthers(seeds, options.env.streams, { advertised: this.address, bound: this.address }),
      members: () => this.members(),
      join: (at) => this.#try(at),
      fraction: () => options.env.random.fraction(),
      met: (place) => options.log.info({ at: place }, 'members that nobody here knew were met at a seed'),
    })
  }

  /**
   * Resolves once the agent carries our tags and its members are known, however long the agent takes to come up.
   * Rejects with `CONFIG_INVALID` when it is another member, `UNAUTHENTICATED`, or `NODE_STOPPING` after `close`.
   */
  async open(): Promise<void> {
    for (;;) {
      try {
        return await this.#connect()
      } catch (error) {
        const { code, message } = toReeveError(error)
        if (this.#closed) throw new ReeveError('NODE_STOPPING', 'membership was closed')
        if (code !== 'UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED') throw error
        this.#options.log.warn({ reason: message }, 'no Serf agent answers; trying again')
        await this.#pause()
      }
    }
  }

  get address(): Address {
    const { host, port } = this.#view.self ?? { host: '0.0.0.0', port: 0 }
    return { host, port }
  }

  members(): Member[] {
    return this.#view.all()
  }

  async join(seeds: readonly string[], options: { replay?: boolean } = {}): Promise<number> {
    const { host, port } = this.address
    const others = seeds.filter((seed) => {
      const at = parseAddress(seed)
      return at?.host !== host || at.port !== port
    })
    return others.length === 0 ? 0 : this.#reach().join(others, options.replay ?? false)
  }

  meet(seeds: readonly string[]): Promise<number> {
    return this.#strangers.meet(seeds)
  }

  /** The agent tries to reach those who failed by itself. */
  async rejoin(): Promise<number> {
    return 0
  }

  /** Takes our tags off the agent, so that the others know that this node is gone though its host is not. */
  async leave(): Promise<void> {
    this.#left = true
    try {
      await this.#reach().changeTags(new Map(), [...this.#tags.keys()])
    } catch (error) {
      // A node that has to stop stops; the others find out when they call.
      this.#options.log.warn(
        { reason: toReeveError(error).message },
        'the Serf agent still carries the tags of this node',
      )
    }
  }

  forceLeave(name: string, options: { prune?: boolean } = {}): Promise<void> {
    return this.#reach().forceLeave(name, options.prune ?? false)
  }

  /** Of the tags that the agent carries, ours. */
  async setTags(tags: ReadonlyMap<string, string>): Promise<void> {
    const dropped = [...this.#tags.keys()].filter((tag) => !tags.has(tag))
    await this.#reach().changeTags(tags, dropped)
    this.#tags = tags
  }

  sendEvent(name: string, payload = noPayload, options: { coalesce?: boolean } = {}): Promise<void> {
    return this.#reach().event(name, payload, options.coalesce ?? false)
  }

  /** What is wrong with it shows when its answers are read. */
  query(name: string, payload = noPayload, options: QueryOptions = {}): Query {
    const expected = this.#view.all().filter(({ status }) => status === 'alive').length
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs(expected)
    let stop: (() => void) | undefined
    const answers = new Answers(() => stop?.())
    const heard: Parameters<SerfClient['query']>[3] = ({ type, from, payload }) => {
      if (type === 'done') answers.end()
      else answers.push(type === 'ack' ? { kind: 'ack', from } : { kind: 'response', from, payload })
    }
    const failed = (error: unknown) => answers.end(toReeveError(error))
    this.#reach()
      .query(name, payload, options, heard, failed)
      .then((given) => {
        stop = given
      }, failed)
    this.#queries += 1
    const deadlineMs = this.#options.env.clock.monotonicMs() + timeoutMs
    return { id: this.#queries, deadlineMs, expected, [Symbol.asyncIterator]: () => answers }
  }

  coordinate(name: string): Promise<Coordinate | undefined> {
    return this.#reach().coordinate(name)
  }

  async rtt(a: string, b = this.name): Promise<number | undefined> {
    const [from, to] = await Promise.all([this.coordinate(a), this.coordinate(b)])
    return from && to && distanceNs(from, to) / 1e6
  }

  close(): void {
    this.#closed = true
    this.#wake()
    this.#options.env.clock.clearTimeout(this.#timer)
    this.#client?.close()
  }

  // -------------------------------------------------------------------------------------------------------------------

  /** Nobody there, or no agent: another time. */
  async #try(at: Address): Promise<{ reached: number }> {
    try {
      const agent = this.#reach()
      const reached = await agent.join([formatAddress(at)], true)
      // The events of those who came may take a while longer.
      this.#tell(this.#view.replace(await agent.members()))
      return { reached }
    } catch {
      return { reached: 0 }
    }
  }

  /** Throws `UNAVAILABLE`. */
  #reach(): SerfClient {
    if (this.#client) return this.#client
    throw new ReeveError('UNAVAILABLE', 'the Serf agent cannot be reached at present')
  }

  async #connect(): Promise<void> {
    const { env, at, authKey, name } = this.#options
    let opened: SerfClient | undefined
    const client = await connectSerf({
      ...{ env, at, timeoutMs: connectTimeoutMs, answerTimeoutMs },
      ...(authKey !== undefined && { authKey }),
      gone: () => {
        if (opened && this.#client === opened) this.#lose()
      },
    })
    try {
      if (this.#closed) throw new ReeveError('NODE_STOPPING', 'membership was closed')
      const theirs = (await client.stats()).get('agent')?.get('name')
      if (theirs !== name) {
        const mend = `give this node that name (--node-name ${theirs}), or the agent this node's`
        throw new ReeveError('CONFIG_INVALID', `the Serf agent is ${theirs} and this node ${name}: ${mend}`)
      }
      // What happens while we look is told behind it.
      await client.stream(
        '*',
        (record) => this.#hear(record),
        () => undefined,
      )
      if (!this.#left) await client.changeTags(this.#tags, [])
      this.#tell(this.#view.replace(await client.members()))
    } catch (error) {
      client.close()
      throw error
    }
    opened = client
    this.#client = client
    this.#tries = 0
    this.#refreshLater(client)
  }

  #lose(): void {
    this.#client = undefined
    const { clock } = this.#options.env
    clock.clearTimeout(this.#timer)
    if (this.#closed) return
    this.#options.log.warn('the Serf agent is gone; its members stay as they were until it is back')
    this.open().then(
      () => this.#options.log.info('the Serf agent is back'),
      (error) => {
        if (!this.#closed) this.#options.emit({ kind: 'ended', error: toReeveError(error) })
      },
    )
  }

  #pause(): Promise<void> {
    const { clock, random } = this.#options.env
    this.#tries += 1
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#timer = clock.setTimeout(resolve, backoffMs(this.#tries, retryMinMs, retryMaxMs, random.fraction()))
    })
  }

  #refreshLater(client: SerfClient): void {
    this.#timer = this.#options.env.clock.setTimeout(() => {
      client.members().then(
        (list) => {
          if (this.#client !== client) return
          this.#tell(this.#view.replace(list))
          this.#refreshLater(client)
        },
        () => client.close(),
      )
    }, refreshMs)
  }

  #hear(record: EventRecord): void {
    const { event, members, name, payload, lTime, coalesce } = record
    if (event === 'member-reap') this.#tell(this.#view.forget(members))
    else if (event.startsWith('member-')) this.#tell(this.#view.update(members))
    else if (event === 'user') this.#tell([{ kind: 'userEvent', event: { name, payload, lTime, coalesce } }])
    else if (event === 'query') this.#tell([{ kind: 'query', query: this.#received(record) }])
  }

  /** The agent says neither who asks nor until when. */
  #received({ id, name, payload, lTime }: EventRecord): Extract<SerfFact, { kind: 'query' }>['query'] {
    let answered = false
    return {
      ...{ name, payload, lTime, from: '', deadlineMs: Number.POSITIVE_INFINITY },
      respond: (answer) => {
        if (answered) throw new ReeveError('REQUEST_MALFORMED', 'response already sent')
        answered = true
        this.#reach()
          .respond(id, answer)
          .catch((error: unknown) =>
            this.#options.log.warn({ reason: toReeveError(error).message }, 'a query could not be answered'),
          )
      },
    }
  }

  #tell(facts: readonly SerfFact[]): void {
    if (this.#closed) return
    for (const fact of facts) this.#options.emit(fact)
  }
}

/** As Serf's on a LAN: 16 rounds of gossip for every power of ten of members. */
function defaultTimeoutMs(members: number): number {
  return 200 * 16 * Math.ceil(Math.log10(members + 1))
}
