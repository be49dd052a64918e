/** Members of ours on real sockets, for tests that wait for what they see. */

import { EventEmitter, once } from 'node:events'
import { type Logger, pino } from 'pino'
import { type Gossip, type GossipConfig, type GossipFact, startGossip } from '../../src/actors/gossip.ts'
import { openSnapshot } from '../../src/actors/snapshot-file.ts'
import type { Address } from '../../src/env/env.ts'
import { createRealEnv } from '../../src/env/real.ts'
import type { Member } from '../../src/gossip/member.ts'
import { type Profile, profiles } from '../../src/gossip/profile.ts'

const patienceMs = 90_000
const lookAgainMs = 500
const silent = pino({ level: process.env.REEVE_TEST_LOG ?? 'silent' })

export class TestMember {
  readonly name: string
  readonly gossip: Gossip
  readonly facts: GossipFact[]
  readonly #news: EventEmitter

  constructor(name: string, gossip: Gossip, facts: GossipFact[], news: EventEmitter) {
    this.name = name
    this.gossip = gossip
    this.facts = facts
    this.#news = news
  }

  get at(): Address {
    return this.gossip.address
  }

  member(name: string): Member | undefined {
    return this.gossip.members().find((member) => member.name === name)
  }

  alive(): string[] {
    const alive = this.gossip.members().filter(({ status }) => status === 'alive')
    return alive.map(({ name }) => name).sort()
  }

  /** What happened to one other member, in order. */
  storyOf(name: string): string[] {
    return this.facts.flatMap((fact) => ('member' in fact && fact.member.name === name ? [fact.kind] : []))
  }

  /** Looks again after every fact, and now and then: that somebody stays who had said goodbye is told by none. */
  async until(what: string, condition: (member: TestMember) => boolean): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs)
    const again = setInterval(() => this.#news.emit('fact'), lookAgainMs)
    try {
      while (!condition(this)) await once(this.#news, 'fact', { signal })
    } catch (error) {
      const seen = this.gossip.members().map(({ name, status }) => `${name} ${status}`)
      throw new Error(`${this.name} never came to: ${what}; it sees ${seen.join(', ')}`, { cause: error })
    } finally {
      clearInterval(again)
    }
  }
}

export async function startMember(
  name: string,
  options: {
    tags?: Record<string, string>
    at?: Address
    profile?: Profile
    /** Of what it sends; default true. */
    compression?: boolean
    encryption?: GossipConfig['encryption']
    log?: Logger
    snapshot?: string
    rejoinAfterLeave?: boolean
  } = {},
): Promise<TestMember> {
  const facts: GossipFact[] = []
  const news = new EventEmitter()
  news.setMaxListeners(0)
  const env = createRealEnv()
  const log = (options.log ?? silent).child({ node: name })
  const { snapshot: path, rejoinAfterLeave = false } = options
  const gossip = await startGossip({
    env,
    ...(path !== undefined && { snapshot: openSnapshot({ env, log, path, rejoinAfterLeave }) }),
    config: {
      name,
      bind: options.at ?? { host: '127.0.0.1', port: 0 },
      tags: new Map(Object.entries(options.tags ?? {})),
      profile: options.profile ?? profiles.lan,
      compression: options.compression ?? true,
      ...(options.encryption && { encryption: options.encryption }),
    },
    log,
    emit: (fact) => {
      facts.push(fact)
      news.emit('fact')
    },
  })
  return new TestMember(name, gossip, facts, news)
}

export function hostPort({ host, port }: Address): string {
  return `${host}:${port}`
}
