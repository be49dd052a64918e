/** Queries both ways, put together: how they spread, and what members ask each other without anybody telling them to. */

import type { Agenda } from './agenda.ts'
import { Answering, conflictQuery, type InternalQuery } from './answering.ts'
import { Asking, type OpenQuery, type Question } from './asking.ts'
import { encodeConflictResponse } from './conflict-response.ts'
import type { Courier } from './courier.ts'
import type { Effect, HeardQuery, Problem } from './effects.ts'
import { type Endpoint, parseIp } from './ip.ts'
import { encodeMessage } from './memberlist-codec.ts'
import type { Query, QueryResponse } from './messages.ts'
import { NameVote } from './name-vote.ts'
import { isUp } from './node-list.ts'
import type { Prober } from './probe.ts'
import type { Profile } from './profile.ts'
import type { Rumours } from './rumours.ts'
import type { Serf } from './serf.ts'
import type { Swim } from './swim.ts'
import { textFromBytes } from './text.ts'

export interface QueriesParts {
  readonly name: string
  readonly profile: Profile
  readonly random: () => number
  readonly agenda: Agenda
  readonly now: () => number
  readonly swim: Swim
  readonly serf: Serf
  readonly rumours: Rumours
  readonly courier: Courier
  readonly prober: Prober
  /** What else members ask each other, by the whole name of the query. */
  readonly internalQueries: ReadonlyMap<string, InternalQuery>
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
  readonly emit: (effect: Effect) => void
}

export class Queries {
  readonly #parts: QueriesParts
  readonly #asking: Asking
  readonly #answering: Answering
  readonly #vote: NameVote

  constructor(parts: QueriesParts) {
    const { name, profile, random, agenda, now, swim, rumours, courier, prober, report, emit } = parts
    this.#parts = parts
    this.#answering = new Answering({
      swim,
      internalQueries: new Map<string, InternalQuery>([
        // The ack that comes with it is all it is for.
        ['_serf_ping', () => undefined],
        [conflictQuery, (query) => this.#whoIs(textFromBytes(query.payload))],
        ...parts.internalQueries,
      ]),
      tell: (query) => emit({ kind: 'fact', fact: { kind: 'query', query } }),
      send: (to, message) => courier.sendUser(to, message),
      answered: (response) => this.hearResponse(response),
      report,
    })
    this.#asking = new Asking({
      gossipIntervalMs: profile.gossipIntervalMs,
      random,
      agenda,
      now,
      clock: rumours.queryClock,
      self: () => swim.self,
      reach: () => [...swim.list].filter(isUp).length,
      spread: (query, bytes) => {
        rumours.hearQuery(query)
        this.#answering.hear(query, now())
        courier.queries.add({ bytes: encodeMessage({ kind: 'user', payload: bytes }), own: true })
      },
    })
    this.#vote = new NameVote({
      name,
      self: () => swim.self,
      now,
      ask: (question, listener) => this.#asking.ask(question, listener),
      check: (at, concluded) => prober.check(at, name, now(), concluded),
      lost: (rival) => emit({ kind: 'fact', fact: { kind: 'nameLost', rival } }),
    })
  }

  /** What comes is told in `answer` effects. Throws `REQUEST_MALFORMED`. */
  ask(question: Question): OpenQuery {
    const { rumours, emit } = this.#parts
    const lTime = rumours.queryClock.time()
    return this.#asking.ask(question, (answer) => emit({ kind: 'answer', query: lTime, ...(answer && { answer }) }))
  }

  /** Nobody listens to the answers any more. */
  forget(lTime: bigint): void {
    this.#asking.forget(lTime)
  }

  /** Throws `REQUEST_MALFORMED` or `DEADLINE_EXCEEDED`. */
  respond(query: HeardQuery, payload: Uint8Array): void {
    this.#answering.respond(query, payload, this.#parts.now())
  }

  /** Somebody asks. */
  hear(query: Query): void {
    this.#answering.hear(query, this.#parts.now())
  }

  hearResponse(response: QueryResponse, from?: Endpoint): void {
    if (!this.#asking.hear(response)) this.#parts.report('unasked', `answer of ${response.from}`, from)
  }

  /** Another address claims our name. */
  contest(rival: Endpoint): void {
    this.#vote.contest(rival)
  }

  /** Whom we know by this name; about ourselves others shall say. */
  #whoIs(name: string): Uint8Array | undefined {
    const { swim, serf } = this.#parts
    if (name === this.#parts.name) return undefined
    const member = serf.member(name)
    const addr = swim.list.get(name)?.addr ?? parseIp(member?.host ?? '') ?? new Uint8Array(0)
    return encodeConflictResponse(member && { ...member, addr })
  }
}
