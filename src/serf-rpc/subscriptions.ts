/** What one connection goes on hearing after its command was answered: streams, its monitor, answers to its queries. */

import type { Query, QueryAnswer, ReceivedQuery } from '../actors/serf-member.ts'
import { noBytes } from '../gossip/msgpack-struct.ts'
import type { RpcAgent } from './agent.ts'
import type { EventFilter } from './event-filter.ts'
import { encodeEvent } from './events.ts'
import type { Outlet } from './outlet.ts'
import { isAtLeast, type RecentLine, type SerfLevel } from './recent-lines.ts'
import { encode, encodeReply, logRecord, queryRecord } from './wire.ts'

/** Of one connection. */
const maxStreams = 32
const maxQueries = 32
/** Queries of others that may still be answered. */
const maxPending = 512

export class Subscriptions {
  readonly #outlet: Outlet
  readonly #agent: RpcAgent
  /** By the number of the command that began it: how to stop it. */
  readonly #streams = new Map<bigint, () => void>()
  #monitor: { readonly seq: bigint; readonly stop: () => void } | undefined
  readonly #queries = new Set<AsyncIterator<QueryAnswer>>()
  readonly #pending = new Map<bigint, ReceivedQuery>()
  #lastQueryId = 0n

  constructor(outlet: Outlet, agent: RpcAgent) {
    this.#outlet = outlet
    this.#agent = agent
  }

  /** Why this stream cannot begin; empty: it can. */
  streamProblem(seq: bigint): string {
    if (this.#streams.has(seq)) return 'Stream with given sequence exists'
    return this.#streams.size >= maxStreams ? `more than ${maxStreams} streams on one connection` : ''
  }

  stream(seq: bigint, wants: EventFilter): void {
    const feed = this.#outlet.openFeed()
    // A query that two streams carry has one number.
    const stopListening = this.#agent.listen((fact) => {
      const record = encodeEvent(fact, wants, (query) => this.#idOf(query))
      if (record) feed.push(encodeReply(seq, '', record))
    })
    this.#streams.set(seq, () => {
      stopListening()
      feed.close()
    })
  }

  get hasMonitor(): boolean {
    return this.#monitor !== undefined
  }

  /** First the lines there are, then every new one. */
  monitor(seq: bigint, level: SerfLevel): void {
    const feed = this.#outlet.openFeed()
    const { lines } = this.#agent
    const push = (line: RecentLine) => {
      if (isAtLeast(line.level, level)) feed.push(encodeReply(seq, '', encode(logRecord, { log: line.text })))
    }
    for (const line of lines.all()) push(line)
    const stopListening = lines.listen(push)
    const stop = () => {
      stopListening()
      feed.close()
    }
    this.#monitor = { seq, stop }
  }

  /** Of a stream or the monitor; others are passed over. */
  stop(seq: bigint): void {
    this.#streams.get(seq)?.()
    this.#streams.delete(seq)
    if (this.#monitor?.seq !== seq) return
    this.#monitor.stop()
    this.#monitor = undefined
  }

  get mayQuery(): boolean {
    return this.#queries.size < maxQueries
  }

  /** Passes on the answers until the query is over; the last record says so. */
  async query(seq: bigint, query: Query): Promise<void> {
    const feed = this.#outlet.openFeed()
    const answers = query[Symbol.asyncIterator]()
    this.#queries.add(answers)
    const done = encode(queryRecord, { type: 'done', from: '', payload: noBytes })
    try {
      for (let next = await answers.next(); !next.done; next = await answers.next()) {
        const { kind: type, from } = next.value
        // Serf's clients would take an answer from nobody for the end.
        if (from === '') continue
        const payload = next.value.kind === 'response' ? next.value.payload : noBytes
        feed.push(encodeReply(seq, '', encode(queryRecord, { type, from, payload })))
      }
    } finally {
      this.#queries.delete(answers)
      feed.finish(encodeReply(seq, '', done))
    }
  }

  /** A query that came over a stream of this connection and can still be answered. */
  pendingQuery(id: bigint): ReceivedQuery | undefined {
    this.#forgetLate()
    return this.#pending.get(id)
  }

  close(): void {
    for (const stop of this.#streams.values()) stop()
    this.#streams.clear()
    this.#monitor?.stop()
    this.#monitor = undefined
    for (const answers of this.#queries) answers.return?.().catch(() => undefined)
    this.#pending.clear()
  }

  #idOf(query: ReceivedQuery): bigint {
    if (this.#pending.get(this.#lastQueryId) === query) return this.#lastQueryId
    this.#forgetLate()
    this.#lastQueryId += 1n
    this.#pending.set(this.#lastQueryId, query)
    const [oldest] = this.#pending.keys()
    if (this.#pending.size > maxPending && oldest !== undefined) this.#pending.delete(oldest)
    return this.#lastQueryId
  }

  #forgetLate(): void {
    const nowMs = this.#agent.nowMs()
    for (const [id, { deadlineMs }] of this.#pending) if (deadlineMs <= nowMs) this.#pending.delete(id)
  }
}
