/** An agent for sessions in tests: three members, and whatever a test makes of the rest. */

import type { KeyResult, Query, QueryAnswer, ReceivedQuery, SerfMember } from '../../src/actors/serf-member.ts'
import { ReeveError } from '../../src/errors.ts'
import type { Member } from '../../src/gossip/member.ts'
import { encodeTags } from '../../src/gossip/tags.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import type { RpcAgent } from '../../src/serf-rpc/agent.ts'
import type { EventFact } from '../../src/serf-rpc/events.ts'
import { RecentLines } from '../../src/serf-rpc/recent-lines.ts'

export function member(name: string, tags: Record<string, string> = {}, status: Member['status'] = 'alive'): Member {
  return { name, host: '127.0.0.1', port: 21001, status, tags: new Map(Object.entries(tags)), vsn: ourVsn }
}

export class FakeAgent implements RpcAgent {
  readonly lines = new RecentLines()
  readonly ownTags = ['epoch']
  readonly known: Member[] = [member('alpha', { role: 'web' }), member('bravo', { role: 'db' }), member('charlie')]
  /** What was ordered, in order. */
  readonly orders: string[] = []
  readonly listeners = new Set<(fact: EventFact) => void>()
  readonly keyResult: KeyResult = {
    nodes: 3,
    responses: 3,
    errors: 0,
    messages: new Map(),
    keys: new Map([['AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=', 3]]),
    primaryKeys: new Map(),
  }
  /** What a query is answered. */
  answers: QueryAnswer[] = []
  /** Settles what takes its time. */
  joined: Promise<number> = Promise.resolve(1)
  stopped = false
  time = 0

  readonly member: SerfMember = {
    name: 'alpha',
    address: { host: '127.0.0.1', port: 21001 },
    members: () => [...this.known],
    join: (seeds, options) => this.#note(`join ${seeds} ${options?.replay}`, this.joined),
    meet: (seeds) => this.#note(`meet ${seeds}`, this.joined),
    leave: () => this.#note('leave', Promise.resolve()),
    forceLeave: (name, options) => this.#note(`forceLeave ${name} ${options?.prune}`, Promise.resolve()),
    setTags: async (tags) => {
      const encoded = encodeTags(tags)
      if (!encoded.ok) throw new ReeveError('REQUEST_MALFORMED', encoded.problem)
      this.orders.push(`setTags ${[...tags].map((tag) => tag.join('=')).sort()}`)
    },
    sendEvent: async (name, payload, options) => {
      if ((payload?.length ?? 0) > 512) {
        throw new ReeveError('REQUEST_MALFORMED', 'user event exceeds configured limit of 512 bytes before encoding')
      }
      this.orders.push(`event ${name} ${Buffer.from(payload ?? []).toString()} ${options?.coalesce}`)
    },
    query: (name, payload, options) => {
      if ((payload?.length ?? 0) > 1000) {
        throw new ReeveError('REQUEST_MALFORMED', 'query exceeds limit of 1024 bytes')
      }
      this.orders.push(`query ${name} ${Buffer.from(payload ?? []).toString()} ${options?.timeoutMs}`)
      return this.#query()
    },
    keys: {
      install: (key) => this.#key('install', key),
      use: (key) => this.#key('use', key),
      remove: (key) => this.#key('remove', key),
      list: () => this.#key('list'),
    },
    coordinate: async (name) =>
      this.known.some((one) => one.name === name)
        ? { vec: new Array<number>(8).fill(1e-5), error: 1.5, adjustment: 0, height: 1e-5 }
        : undefined,
    rtt: async () => undefined,
    close: () => undefined,
  }

  stats() {
    return new Map([
      ['agent', new Map([['name', 'alpha']])],
      ['serf', new Map([['members', '3']])],
    ])
  }

  listen(listener: (fact: EventFact) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  tell(fact: EventFact): void {
    for (const listener of [...this.listeners]) listener(fact)
  }

  stop(): void {
    this.stopped = true
  }

  nowMs(): number {
    return this.time
  }

  /** A query from outside that takes one answer until time 1000. */
  received(name: string, answers: string[] = []): ReceivedQuery {
    return {
      ...{ name, payload: new Uint8Array(), lTime: 1n, from: 'bravo', deadlineMs: 1000 },
      respond: (payload) => {
        if (answers.length > 0) throw new ReeveError('REQUEST_MALFORMED', 'response already sent')
        answers.push(Buffer.from(payload).toString())
      },
    }
  }

  async #note<T>(order: string, outcome: Promise<T>): Promise<T> {
    this.orders.push(order)
    return outcome
  }

  async #key(act: string, key = ''): Promise<KeyResult> {
    if (key === '!!!') throw new ReeveError('REQUEST_MALFORMED', 'illegal base64 data at input byte 0')
    return this.#note(`${act} ${key}`.trim(), Promise.resolve(this.keyResult))
  }

  #query(): Query {
    const { answers } = this
    return {
      ...{ id: 1, deadlineMs: 1000, expected: 3 },
      async *[Symbol.asyncIterator]() {
        yield* answers
      },
    }
  }
}
