/** What an agent can be asked over its port, one method a command. */

import type { KeyResult, QueryOptions } from '../actors/serf-member.ts'
import type { Address, Env } from '../env/env.ts'
import { NetworkError } from '../env/env.ts'
import { type ErrorCode, ReeveError } from '../errors.ts'
import type { Coordinate } from '../gossip/coordinate.ts'
import type { Type } from '../gossip/msgpack-struct.ts'
import type { Stats } from './agent.ts'
import { Connection, type Records } from './connection.ts'
import {
  authRequest,
  coordinateReply,
  coordinateRequest,
  encode,
  eventRecord,
  eventRequest,
  forceLeaveRequest,
  handshakeRequest,
  type IpcMember,
  ipcVersion,
  joinReply,
  joinRequest,
  keyReply,
  keyRequest,
  logRecord,
  membersReply,
  monitorRequest,
  queryRecord,
  queryRequest,
  respondRequest,
  statsReply,
  stopRequest,
  streamRequest,
  tagsRequest,
} from './wire.ts'

export interface SerfClientOptions {
  readonly env: Pick<Env, 'clock' | 'streams'>
  readonly at: Address
  readonly authKey?: string
  /** For the connection. */
  readonly timeoutMs: number
  /** For every answer; default: the same. */
  readonly answerTimeoutMs?: number
  /** Told once, when the connection ended. */
  readonly gone?: (error: ReeveError) => void
}

export type EventRecord = typeof eventRecord.zero
export type QueryRecord = typeof queryRecord.zero

/** Rejects with `UNAVAILABLE`, `DEADLINE_EXCEEDED` or `UNAUTHENTICATED`. */
export async function connectSerf(options: SerfClientOptions): Promise<SerfClient> {
  const { env, at, authKey, timeoutMs, answerTimeoutMs = timeoutMs, gone } = options
  try {
    const connection = new Connection(await env.streams.connect(at, timeoutMs), env.clock, gone)
    const client = new SerfClient(connection, answerTimeoutMs)
    await client.handshake(authKey)
    return client
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error
    const where = `${at.host}:${at.port}`
    throw new ReeveError('UNAVAILABLE', `no Serf agent answers at ${where}: ${error.message}`, { cause: error })
  }
}

export class SerfClient {
  readonly #connection: Connection
  readonly #timeoutMs: number

  constructor(connection: Connection, timeoutMs: number) {
    this.#connection = connection
    this.#timeoutMs = timeoutMs
  }

  async handshake(authKey: string | undefined): Promise<void> {
    try {
      await this.#order('handshake', encode(handshakeRequest, { version: ipcVersion }), 'UNAVAILABLE')
      if (authKey !== undefined) await this.#order('auth', encode(authRequest, { authKey }), 'UNAUTHENTICATED')
    } catch (error) {
      this.close()
      throw error
    }
  }

  async members(): Promise<readonly IpcMember[]> {
    return (await this.#ask('members', undefined, membersReply, 'UNAVAILABLE')).members
  }

  async join(existing: readonly string[], replay: boolean): Promise<number> {
    return (await this.#ask('join', encode(joinRequest, { existing, replay }), joinReply, 'UNAVAILABLE')).num
  }

  leave(): Promise<void> {
    return this.#order('leave', undefined, 'UNAVAILABLE')
  }

  forceLeave(node: string, prune: boolean): Promise<void> {
    return this.#order('force-leave', encode(forceLeaveRequest, { node, prune }), 'DEADLINE_EXCEEDED')
  }

  changeTags(tags: ReadonlyMap<string, string>, deleteTags: readonly string[]): Promise<void> {
    return this.#order('tags', encode(tagsRequest, { tags, deleteTags }), 'REQUEST_MALFORMED')
  }

  event(name: string, payload: Uint8Array, coalesce: boolean): Promise<void> {
    return this.#order('event', encode(eventRequest, { name, payload, coalesce }), 'REQUEST_MALFORMED')
  }

  respond(id: bigint, payload: Uint8Array): Promise<void> {
    return this.#order('respond', encode(respondRequest, { id, payload }), 'REQUEST_MALFORMED')
  }

  /** Resolves once it was sent; `heard` is told every answer, the last one is of type `done`. Returns what stops it. */
  query(
    name: string,
    payload: Uint8Array,
    options: QueryOptions,
    heard: (record: QueryRecord) => void,
    gone: (error: ReeveError) => void,
  ): Promise<() => void> {
    const { filterNodes = [], filterTags = new Map(), requestAck = false, relayFactor = 0, timeoutMs = 0 } = options
    const timeout = BigInt(Math.round(timeoutMs)) * 1_000_000n
    const request = { filterNodes, filterTags, requestAck, relayFactor, timeout, name, payload }
    const isLast = ({ type }: QueryRecord) => type === 'done'
    const records = { type: queryRecord, heard, isLast, gone }
    return this.#subscribe('query', encode(queryRequest, request), records, (seq) => this.#connection.forget(seq))
  }

  /** Events from now on, by a filter such as `member-join,user:deploy`. Returns what ends it. */
  stream(type: string, heard: (record: EventRecord) => void, gone: (error: ReeveError) => void): Promise<() => void> {
    const records = { type: eventRecord, heard, gone }
    return this.#subscribe('stream', encode(streamRequest, { type }), records, (seq) => this.#stop(seq))
  }

  /** Lines of the agent's log, the recent ones first. Returns what ends it. */
  monitor(logLevel: string, heard: (line: string) => void, gone: (error: ReeveError) => void): Promise<() => void> {
    const records = { type: logRecord, heard: ({ log }: { log: string }) => heard(log), gone }
    return this.#subscribe('monitor', encode(monitorRequest, { logLevel }), records, (seq) => this.#stop(seq))
  }

  /** Also resolves when some members failed; rejects when nobody could be asked. */
  async key(command: 'install-key' | 'use-key' | 'remove-key' | 'list-keys', key: string): Promise<KeyResult> {
    const request = command === 'list-keys' ? undefined : encode(keyRequest, { key })
    const { error, body } = await this.#connection.call(command, request, keyReply, this.#timeoutMs)
    if (!body || (error !== '' && body.numNodes === 0)) throw failure(error, 'REQUEST_MALFORMED')
    return {
      nodes: body.numNodes,
      responses: body.numResp,
      errors: body.numErr,
      messages: body.messages,
      keys: body.keys ?? new Map(),
      primaryKeys: body.primaryKeys ?? new Map(),
    }
  }

  stats(): Promise<Stats> {
    return this.#ask('stats', undefined, statsReply, 'UNAVAILABLE')
  }

  async coordinate(node: string): Promise<Coordinate | undefined> {
    const { ok, coord } = await this.#ask(
      'get-coordinate',
      encode(coordinateRequest, { node }),
      coordinateReply,
      'UNAVAILABLE',
    )
    return ok ? coord : undefined
  }

  close(): void {
    this.#connection.close()
  }

  #stop(seq: bigint): void {
    this.#connection.forget(seq)
    this.#order('stop', encode(stopRequest, { stop: seq }), 'UNAVAILABLE').catch(() => undefined)
  }

  async #order(command: string, body: Uint8Array | undefined, code: ErrorCode): Promise<void> {
    const { error } = await this.#connection.call(command, body, undefined, this.#timeoutMs)
    if (error !== '') throw failure(error, code)
  }

  async #ask<T>(command: string, request: Uint8Array | undefined, type: Type<T>, code: ErrorCode): Promise<T> {
    const { error, body } = await this.#connection.call(command, request, type, this.#timeoutMs)
    if (error !== '' || body === undefined) throw failure(error, code)
    return body
  }

  async #subscribe<T>(
    command: string,
    body: Uint8Array,
    records: Records<T>,
    stop: (seq: bigint) => void,
  ): Promise<() => void> {
    const { error, seq } = await this.#connection.call(command, body, undefined, this.#timeoutMs, records)
    if (error !== '') throw failure(error, 'REQUEST_MALFORMED')
    return () => stop(seq)
  }
}

/** The protocol has sentences, no codes; `code` is what a command fails with. */
function failure(error: string, code: ErrorCode): ReeveError {
  if (error === 'Authentication required') return new ReeveError('UNAUTHENTICATED', error)
  if (error === 'Unsupported command') return new ReeveError('METHOD_UNKNOWN', `the agent does not know the command`)
  return new ReeveError(code, error)
}
