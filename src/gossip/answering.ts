/**
 * The queries of others, and our own as far as we are asked ourselves: owns whom they are for and how answers travel.
 * Serf's own ones are answered here; the others are told, and answered by whoever runs the member, or not at all.
 */

import { ReeveError } from '../errors.ts'
import type { HeardQuery, Problem } from './effects.ts'
import { type Endpoint, formatIp } from './ip.ts'
import { NodeState, type Query, QueryFlag, type QueryResponse } from './messages.ts'
import type { NodeRecord } from './node-list.ts'
import { filtersMatch } from './query-filter.ts'
import { encodeSerfMessage } from './serf-codec.ts'
import type { Swim } from './swim.ts'
import { decodeTags } from './tags.ts'
import { understands } from './versions.ts'

/** Serf's QueryResponseSizeLimit, of the whole Serf message, with its relay's head if it has one. */
export const maxResponseBytes = 1024
/** Names of queries that members answer by themselves begin with this. */
export const internalPrefix = '_serf_'
/** Whom do you know by this name? */
export const conflictQuery = '_serf_conflict'

/** Answers a query of Serf's own; undefined: not, or later with `respond`. */
export type InternalQuery = (query: HeardQuery) => Uint8Array | undefined

export interface AnsweringParts {
  readonly swim: Swim
  /** By the whole name of the query. */
  readonly internalQueries: ReadonlyMap<string, InternalQuery>
  readonly tell: (query: HeardQuery) => void
  /** One Serf message, directly. */
  readonly send: (to: Endpoint, message: Uint8Array) => void
  /** An answer to a question of our own. */
  readonly answered: (response: QueryResponse) => void
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
}

export class Answering {
  readonly #parts: AnsweringParts
  readonly #answered = new WeakSet<HeardQuery>()

  constructor(parts: AnsweringParts) {
    this.#parts = parts
  }

  /** A query that is news. */
  hear(query: Query, nowMs: number): void {
    const { swim, internalQueries, tell, report } = this.#parts
    const { name, meta } = swim.self
    if (!filtersMatch(query.filters, name, decodeTags(meta))) return
    const heard: HeardQuery = { ...query, deadlineMs: nowMs + Number(query.timeoutNs) / 1e6 }
    if ((query.flags & QueryFlag.ack) !== 0) {
      this.#send(query, { ...responseTo(query, name), flags: QueryFlag.ack })
    }
    if (!query.name.startsWith(internalPrefix)) {
      tell(heard)
      return
    }
    const internal = internalQueries.get(query.name)
    if (!internal) report('unexpected', `query ${query.name}`)
    const payload = internal?.(heard)
    if (payload && nowMs < heard.deadlineMs) this.respond(heard, payload, nowMs)
  }

  /** Throws `REQUEST_MALFORMED` (too large, or the second one) or `DEADLINE_EXCEEDED`, in the words of Serf. */
  respond(query: HeardQuery, payload: Uint8Array, nowMs: number): void {
    const response = { ...responseTo(query, this.#parts.swim.self.name), payload: payload.slice() }
    if (encodeSerfMessage(response).length > maxResponseBytes) {
      throw new ReeveError('REQUEST_MALFORMED', `response exceeds limit of ${maxResponseBytes} bytes`)
    }
    if (this.#answered.has(query)) throw new ReeveError('REQUEST_MALFORMED', 'response already sent')
    if (nowMs >= query.deadlineMs) throw new ReeveError('DEADLINE_EXCEEDED', 'response is past the deadline')
    this.#answered.add(query)
    this.#send(query, response)
  }

  #send({ name, addr, port, sourceNode, relayFactor }: Query, response: QueryResponse): void {
    const { swim, send, answered, report } = this.#parts
    const to = { host: formatIp(addr) ?? '', port }
    if (to.host === swim.self.host && port === swim.self.port) {
      answered(response)
      return
    }
    // A made-up asker must not have the whole cluster write to somebody else. Only who fights for its name may be unknown.
    if (!swim.list.knows(to) && name !== conflictQuery) {
      report('unexpected', `a query asked for ${to.host}:${port}`)
      return
    }
    const inner = encodeSerfMessage(response)
    send(to, inner)
    if (relayFactor === 0 || swim.list.size <= relayFactor) return
    const relay = encodeSerfMessage({ kind: 'relay', destAddr: addr, destPort: port, destName: sourceNode, inner })
    if (relay.length > maxResponseBytes) return
    for (const helper of swim.list.pick(relayFactor, (node) => this.#canRelay(node, to))) send(helper, relay)
  }

  #canRelay(node: NodeRecord, to: Endpoint): boolean {
    if (node === this.#parts.swim.self || (node.host === to.host && node.port === to.port)) return false
    return node.state === NodeState.alive && understands(node.vsn, 'relay')
  }
}

/** How large the payload of an answer may be. */
export function responseRoomBytes(query: Query, from: string): number {
  // The head of a payload takes one byte when it is empty, and up to three otherwise.
  return maxResponseBytes - encodeSerfMessage(responseTo(query, from)).length - 2
}

function responseTo({ lTime, id }: Query, from: string): QueryResponse {
  return { kind: 'queryResponse', lTime, id, from, flags: 0, payload: new Uint8Array(0) }
}
