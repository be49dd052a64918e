/**
 * A member of a Serf cluster as a function of bytes and time: failure detection, members and their intents, composed.
 * Owns the routing of what comes in and the rhythm of what goes out; bytes, time and chance are handed in, and what is
 * to be done in the world is taken out as effects. Never touches a clock or a socket, never throws on what it receives.
 */

import { ReeveError } from '../errors.ts'
import type { OpenQuery, Question } from './asking.ts'
import { type Assembly, assemble } from './assembly.ts'
import type { Coordinate } from './coordinate.ts'
import type { GossipCore, GossipCoreConfig, GossipStats, JoinManner, Reply } from './core.ts'
import type { Effect, HeardQuery } from './effects.ts'
import { canonicalHost, type Endpoint } from './ip.ts'
import type { Keyring } from './keyring.ts'
import type { Member } from './member.ts'
import { encodeMessage } from './memberlist-codec.ts'
import { decodePacket } from './packet.ts'
import { startRhythm } from './rhythm.ts'
import type { Times } from './snapshot-record.ts'
import type { Memory } from './snapshot-replay.ts'
import { encodeStream, type StreamMessage } from './stream-codec.ts'
import { encodeTags } from './tags.ts'
import { encodeUserEvent } from './user-event.ts'

/** `random`: uniform in [0, 1). Throws `CONFIG_INVALID`. */
export function createGossipCore(config: GossipCoreConfig, random: () => number, nowMs: number): GossipCore {
  return new Core(config, random, nowMs)
}

class Core implements GossipCore {
  readonly #compression: boolean
  readonly #keyring: Keyring | undefined
  readonly #parts: Assembly
  #nowMs: number

  constructor(config: GossipCoreConfig, random: () => number, nowMs: number) {
    const { profile, compression, keyring, tags, memory } = config
    this.#compression = compression
    this.#keyring = keyring
    this.#nowMs = nowMs
    this.#parts = assemble(config, random, () => this.#nowMs)
    this.#parts.swim.start(metaOf(tags), nowMs)
    if (memory) this.#resume(memory)
    startRhythm({ profile, random, ...this.#parts }, nowMs)
  }

  // --- what comes in -------------------------------------------------------------------------------------------------

  receivePacket(bytes: Uint8Array, from: Endpoint, nowMs: number): void {
    this.#enter(nowMs)
    const sender = { host: canonicalHost(from.host), port: from.port }
    const opened = this.#parts.sealing.openPacket(bytes)
    if (!opened.ok) {
      this.#parts.report('foreign', opened.problem, sender)
      return
    }
    const { messages, problems } = decodePacket(opened.value)
    for (const problem of problems) this.#parts.report('malformed', problem, sender)
    for (const { message } of messages) this.#parts.inbox.receive(message, sender)
  }

  receiveStream(message: StreamMessage, from: Endpoint, nowMs: number, reply: Reply): void {
    this.#enter(nowMs)
    const answer = (bytes: Uint8Array) => reply(this.#parts.sealing.sealStream(bytes, 'answerer'))
    switch (message.kind) {
      case 'ping': {
        const ack = { kind: 'ack', seqNo: message.seqNo, payload: null } as const
        if (this.#parts.inbox.isForUs(message.node, from)) answer(encodeStream(ack, { compress: this.#compression }))
        else reply()
        return
      }
      case 'pushPull':
        this.#parts.exchange.accept(message, from, answer)
        return
      case 'user':
        this.#parts.inbox.hear(message.payload, from)
        reply()
        return
      default:
        this.#parts.report('unexpected', `${message.kind} opens a stream`, from)
        reply()
    }
  }

  streamAnswered(id: number, message: StreamMessage, nowMs: number, key?: Uint8Array): void {
    this.#enter(nowMs)
    if (message.kind === 'error' && key && this.#keyring?.follow(key)) {
      this.#parts.report('foreign', 'others no longer open our primary key; the one they answered with becomes it')
    }
    this.#parts.exchange.answered(id, message)
  }

  streamFailed(id: number, problem: string, nowMs: number, refused = false): void {
    this.#enter(nowMs)
    this.#parts.exchange.failed(id, problem, refused)
  }

  sendFailed(probe: number, nowMs: number): void {
    this.#enter(nowMs)
    this.#parts.prober.sendFailed(probe, nowMs)
  }

  keysStored(nowMs: number, problem?: string): void {
    this.#enter(nowMs)
    this.#keyring?.stored(problem)
  }

  // --- time, orders, questions ---------------------------------------------------------------------------------------

  wake(nowMs: number): void {
    this.#enter(nowMs)
    if (this.#parts.agenda.nextMs > nowMs) return
    this.#parts.agenda.run(nowMs)
    this.#parts.stalls.done()
  }

  nextWakeMs(): number {
    return this.#parts.agenda.nextMs
  }

  take(): Effect[] {
    this.#parts.rounds.plan(this.#nowMs)
    return this.#parts.outbox.take()
  }

  join(seeds: readonly Endpoint[], manner: JoinManner, nowMs: number): number {
    this.#enter(nowMs)
    return this.#parts.orders.join(seeds, manner)
  }

  leave(nowMs: number): number {
    this.#enter(nowMs)
    return this.#parts.orders.leave()
  }

  setTags(tags: ReadonlyMap<string, string>, nowMs: number): number {
    this.#enter(nowMs)
    return this.#parts.orders.update(metaOf(tags))
  }

  forceLeave(name: string, prune: boolean, nowMs: number): number {
    this.#enter(nowMs)
    return this.#parts.orders.forceLeave(name, prune)
  }

  query(question: Question, nowMs: number): OpenQuery {
    this.#enter(nowMs)
    return this.#parts.queries.ask(question)
  }

  forgetQuery(lTime: bigint, nowMs: number): void {
    this.#enter(nowMs)
    this.#parts.queries.forget(lTime)
  }

  respond(query: HeardQuery, payload: Uint8Array, nowMs: number): void {
    this.#enter(nowMs)
    this.#parts.queries.respond(query, payload)
  }

  sendEvent(name: string, payload: Uint8Array, coalesce: boolean, nowMs: number): void {
    this.#enter(nowMs)
    const clock = this.#parts.rumours.eventClock
    const event = { lTime: clock.time(), name, payload: payload.slice(), coalesce }
    const bytes = encodeUserEvent(event)
    if (!bytes.ok) throw new ReeveError('REQUEST_MALFORMED', bytes.problem)
    this.#parts.rumours.hearEvent(event)
    this.#parts.courier.events.add({ bytes: encodeMessage({ kind: 'user', payload: bytes.value }), own: true })
  }

  members(): Member[] {
    return this.#parts.serf.members()
  }

  coordinate(name: string): Coordinate | undefined {
    return this.#parts.coordinates?.of(name)
  }

  rttMs(a: string, b: string): number | undefined {
    return this.#parts.coordinates?.rttMs(a, b)
  }

  times(): Times {
    const { eventClock, queryClock } = this.#parts.rumours
    return { member: this.#parts.serf.clock.time() - 1n, event: eventClock.time() - 1n, query: queryClock.time() - 1n }
  }

  stats(): GossipStats {
    const { nodes, intents, queries, events } = this.#parts.courier
    return {
      health: this.#parts.awareness.score,
      incarnation: this.#parts.swim.self.incarnation,
      memberTime: this.#parts.serf.clock.time(),
      eventTime: this.#parts.rumours.eventClock.time(),
      queryTime: this.#parts.rumours.queryClock.time(),
      stalls: { count: this.#parts.stalls.count, totalMs: this.#parts.stalls.totalMs },
      coordinateResets: this.#parts.coordinates?.resets ?? 0,
      ...{ ...this.#parts.swim.census(), flaps: this.#parts.serf.flaps },
      queued: { nodes: nodes.depth, intents: intents.depth, queries: queries.depth, events: events.depth },
      problems: new Map(this.#parts.outbox.problems),
    }
  }

  /** Before anything comes in: what is old must not be taken for news. */
  #resume({ alive, failed, times }: Memory): void {
    this.#parts.serf.clock.witness(times.member)
    this.#parts.rumours.eventClock.witness(times.event)
    this.#parts.rumours.queryClock.witness(times.query)
    this.#parts.rumours.ignoreBefore({ events: times.event + 1n, queries: times.query + 1n })
    this.#parts.serf.remember(alive, this.#nowMs)
    this.#parts.serf.remember(failed, this.#nowMs)
  }

  /** Begins whatever we do at this moment. */
  #enter(nowMs: number): void {
    this.#nowMs = nowMs
    this.#parts.stalls.notice(nowMs)
  }
}

function metaOf(tags: ReadonlyMap<string, string>): Uint8Array {
  const meta = encodeTags(tags)
  if (!meta.ok) throw new ReeveError('REQUEST_MALFORMED', meta.problem)
  return meta.value
}
