/**
 * The queries that we asked: owns which ones are open, for how long, and which of the answers that come count. Never
 * spreads a query itself, and never answers one.
 */

import { ReeveError } from '../errors.ts'
import type { Agenda, Appointment } from './agenda.ts'
import type { QueryAnswer } from './effects.ts'
import type { LamportClock } from './lamport.ts'
import { type Query, QueryFlag, type QueryResponse } from './messages.ts'
import { encodeFilter, type QueryFilter } from './query-filter.ts'
import { encodeSerfMessage } from './serf-codec.ts'

/** Serf's QuerySizeLimit, of the whole Serf message. */
export const maxQueryBytes = 1024
/** Serf's QueryTimeoutMult. */
const timeoutMult = 16

export interface Question {
  readonly name: string
  readonly payload: Uint8Array
  readonly filters?: readonly QueryFilter[]
  readonly requestAck?: boolean
  /** Through how many other members each answer comes, too. */
  readonly relayFactor?: number
  /** Default: by the size of the cluster. */
  readonly timeoutMs?: number
}

export interface OpenQuery {
  readonly lTime: bigint
  readonly id: number
  readonly deadlineMs: number
  /** Members that may hear it, ourselves included. */
  readonly expected: number
}

export interface AskingParts {
  readonly gossipIntervalMs: number
  readonly random: () => number
  readonly agenda: Agenda
  readonly now: () => number
  readonly clock: LamportClock
  /** Where and as who we are asked back. */
  readonly self: () => { readonly name: string; readonly addr: Uint8Array; readonly port: number }
  /** Nodes that are alive or suspect, ourselves included. */
  readonly reach: () => number
  /** To everybody, ourselves first. */
  readonly spread: (query: Query, bytes: Uint8Array) => void
}

/** `undefined`: its time is over; nothing comes after that. */
type Listener = (answer: QueryAnswer | undefined) => void

interface Open {
  readonly id: number
  readonly listener: Listener
  readonly acks: Set<string>
  readonly responses: Set<string>
  readonly timer: Appointment
}

export class Asking {
  readonly #parts: AskingParts
  readonly #open = new Map<bigint, Open>()

  constructor(parts: AskingParts) {
    this.#parts = parts
  }

  /** Throws `REQUEST_MALFORMED`. Our own answer may come before it returns. */
  ask({ name, payload, filters = [], requestAck = false, relayFactor = 0, timeoutMs }: Question, listener: Listener) {
    const { agenda, clock, now, random, reach, self, spread } = this.#parts
    const expected = reach()
    const durationMs = timeoutMs ?? defaultTimeoutMs(this.#parts.gossipIntervalMs, expected)
    if (!Number.isInteger(relayFactor) || relayFactor < 0 || relayFactor > 255) {
      throw new ReeveError('REQUEST_MALFORMED', `a relay factor of ${relayFactor}: needs 0 to 255`)
    }
    if (!(durationMs > 0 && durationMs <= maxTimeoutMs)) {
      throw new ReeveError('REQUEST_MALFORMED', `a query of ${durationMs} ms: needs more than 0, and a day at most`)
    }
    const { addr, port, name: sourceNode } = self()
    const query: Query = {
      kind: 'query',
      lTime: clock.time(),
      id: Math.floor(random() * 2 ** 31),
      addr,
      port,
      sourceNode,
      filters: filters.map((filter) => encodeFilter(filter)),
      flags: requestAck ? QueryFlag.ack : 0,
      relayFactor,
      timeoutNs: BigInt(Math.ceil(durationMs * 1e6)),
      name,
      payload: payload.slice(),
    }
    const bytes = encodeSerfMessage(query)
    if (bytes.length > maxQueryBytes) {
      throw new ReeveError('REQUEST_MALFORMED', `query exceeds limit of ${maxQueryBytes} bytes`)
    }
    const { lTime, id } = query
    const deadlineMs = now() + durationMs
    const timer = agenda.at(deadlineMs, () => {
      this.#open.delete(lTime)
      listener(undefined)
    })
    this.#open.set(lTime, { id, listener, acks: new Set(), responses: new Set(), timer })
    spread(query, bytes)
    const open: OpenQuery = { lTime, id, deadlineMs, expected }
    return open
  }

  /** False: nobody waits for it. */
  hear({ lTime, id, from, flags, payload }: QueryResponse): boolean {
    const open = this.#open.get(lTime)
    // Whoever reads answers takes one without a sender for their end.
    if (open?.id !== id || from === '') return false
    const isAck = (flags & QueryFlag.ack) !== 0
    const known = isAck ? open.acks : open.responses
    // It may well come more than once, by the relays. Those who have joined since may have heard the query, too.
    if (known.has(from) || known.size >= this.#parts.reach()) return true
    known.add(from)
    open.listener(isAck ? { kind: 'ack', from } : { kind: 'response', from, payload })
    return true
  }

  /** Nobody listens any more. */
  forget(lTime: bigint): void {
    this.#parts.agenda.cancel(this.#open.get(lTime)?.timer)
    this.#open.delete(lTime)
  }
}

const maxTimeoutMs = 24 * 60 * 60 * 1000

/** Time for a query to reach everybody and for the answers to come back: 3.2 s for up to nine members of a LAN. */
export function defaultTimeoutMs(gossipIntervalMs: number, members: number): number {
  return gossipIntervalMs * timeoutMult * Math.ceil(Math.log10(members + 1))
}
