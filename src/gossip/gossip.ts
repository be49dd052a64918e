/**
 * A member of a Serf cluster as a function of bytes and time: failure detection, members and their intents, composed.
 * Owns the routing of what comes in and the rhythm of what goes out; bytes, time and chance are handed in, and what is
 * to be done in the world is taken out as effects. Never touches a clock or a socket, never throws on what it receives.
 */

import { ReeveError } from '../errors.ts'
import { Agenda } from './agenda.ts'
import type { OpenQuery, Question } from './asking.ts'
import { Awareness } from './awareness.ts'
import type { Coordinate } from './coordinate.ts'
import { Coordinates } from './coordinates.ts'
import type { GossipCore, GossipCoreConfig, GossipStats, JoinManner, Reply } from './core.ts'
import { Courier } from './courier.ts'
import type { Effect, HeardQuery, Problem } from './effects.ts'
import { Exchange } from './exchange.ts'
import { GossipRounds } from './gossip-rounds.ts'
import { Inbox } from './inbox.ts'
import { canonicalHost, type Endpoint, parseIp } from './ip.ts'
import { keyAnswers } from './key-answers.ts'
import type { Keyring } from './keyring.ts'
import type { Member } from './member.ts'
import { encodeMessage } from './memberlist-codec.ts'
import { noBytes } from './msgpack-struct.ts'
import { Orders } from './orders.ts'
import { Outbox } from './outbox.ts'
import { decodePacket } from './packet.ts'
import { Prober } from './probe.ts'
import { Queries } from './queries.ts'
import { startRhythm } from './rhythm.ts'
import { Rumours } from './rumours.ts'
import { type Sealing, unsealed } from './sealing.ts'
import { Serf } from './serf.ts'
import type { Times } from './snapshot-record.ts'
import type { Memory } from './snapshot-replay.ts'
import { Stalls } from './stall.ts'
import { encodeStream, type StreamMessage } from './stream-codec.ts'
import { Swim } from './swim.ts'
import { encodeTags } from './tags.ts'
import { encodeUserEvent } from './user-event.ts'

/** `random`: uniform in [0, 1). Throws `CONFIG_INVALID`. */
export function createGossipCore(config: GossipCoreConfig, random: () => number, nowMs: number): GossipCore {
  return new Core(config, random, nowMs)
}

class Core implements GossipCore {
  readonly #compression: boolean
  readonly #sealing: Sealing
  readonly #keyring: Keyring | undefined
  readonly #agenda = new Agenda()
  readonly #awareness: Awareness
  readonly #outbox = new Outbox()
  readonly #rumours = new Rumours((event) => this.#outbox.add({ kind: 'fact', fact: { kind: 'userEvent', event } }))
  readonly #coordinates: Coordinates | undefined
  readonly #courier: Courier
  readonly #swim: Swim
  readonly #serf: Serf
  readonly #prober: Prober
  readonly #stalls: Stalls
  readonly #inbox: Inbox
  readonly #exchange: Exchange
  readonly #orders: Orders
  readonly #rounds: GossipRounds
  readonly #queries: Queries
  #nowMs: number

  constructor(config: GossipCoreConfig, random: () => number, nowMs: number) {
    const { name, advertise, profile } = config
    const addr = parseIp(advertise.host)
    if (!addr) throw new ReeveError('CONFIG_INVALID', `cannot advertise ${advertise.host}: not an IP address`)
    this.#compression = config.compression
    this.#sealing = config.sealing ?? unsealed
    this.#keyring = config.keyring
    const sealing = this.#sealing
    this.#nowMs = nowMs
    const agenda = this.#agenda
    const now = () => this.#nowMs
    const emit = (effect: Effect) => this.#outbox.add(effect)
    const report = (reason: Problem, detail: string, from?: Endpoint) => this.#outbox.report(reason, detail, from)
    this.#coordinates = config.coordinates !== false ? new Coordinates({ name, random, report }) : undefined
    const coordinates = this.#coordinates
    this.#awareness = new Awareness(profile.awarenessMaxMultiplier)
    const awareness = this.#awareness
    this.#courier = new Courier({
      profile,
      compression: config.compression,
      sealing,
      nodeCount: () => this.#swim.list.size,
      memberCount: () => this.#serf.size,
      emit,
    })
    const courier = this.#courier
    this.#serf = new Serf({
      name,
      profile,
      random,
      report,
      emit: (fact) => {
        if (fact.kind === 'reaped') coordinates?.forget(fact.member.name)
        emit({ kind: 'fact', fact })
      },
      broadcast: (payload, finished) => {
        const bytes = encodeMessage({ kind: 'user', payload })
        courier.intents.add({ bytes, ...(finished && { finished, own: true }) })
      },
      send: (to, payload) => courier.sendUser(to, payload),
    })
    const serf = this.#serf
    this.#swim = new Swim({
      name,
      addr,
      port: advertise.port,
      profile,
      random,
      agenda,
      awareness,
      queue: courier.nodes,
      listener: {
        joined: (node) => serf.nodeJoined(node, this.#nowMs),
        departed: (node) => serf.nodeDeparted(node, this.#nowMs),
        updated: (node) => serf.nodeUpdated(node),
        remind: (node, reminder) => courier.sendAlone(node, reminder),
        conflict: (node, claimed) => {
          this.#outbox.tellConflict(node, claimed, this.#nowMs)
          if (node === this.#swim.self) this.#queries.contest(claimed)
        },
        contested: () => this.#orders.contested(),
        problem: report,
      },
    })
    const swim = this.#swim
    this.#prober = new Prober({
      profile,
      random,
      agenda,
      awareness,
      swim,
      courier,
      report,
      pingOnStream: (to, bytes, seqNo, timeoutMs) => this.#exchange.ping(to, bytes, seqNo, timeoutMs),
      answersOnStreams: (node) => this.#exchange.reach(node),
      measured: ({ name }, payload, rttMs) => coordinates?.acked(name, payload ?? noBytes, rttMs),
    })
    const prober = this.#prober
    this.#stalls = new Stalls({ profile, agenda, awareness, prober, swim })
    this.#queries = new Queries({
      name,
      profile,
      random,
      agenda,
      now,
      swim,
      serf,
      rumours: this.#rumours,
      courier,
      prober,
      internalQueries: keyAnswers({
        name,
        keyring: config.keyring,
        respond: (query, payload) => this.#respondLate(query, payload),
      }),
      report,
      emit,
    })
    this.#inbox = new Inbox({
      name,
      now,
      swim,
      serf,
      rumours: this.#rumours,
      queries: this.#queries,
      prober,
      courier,
      ackPayload: () => coordinates?.payload() ?? null,
      report,
    })
    this.#exchange = new Exchange({
      profile,
      compression: config.compression,
      sealing,
      agenda,
      now,
      swim,
      serf,
      rumours: this.#rumours,
      courier,
      joining: () => this.#rounds.hush(this.#nowMs),
      prober,
      report,
      emit,
    })
    const exchange = this.#exchange
    this.#orders = new Orders({
      profile,
      random,
      agenda,
      swim,
      serf,
      courier,
      now,
      exchange,
      done: (done) => emit({ kind: 'done', ...done }),
    })
    const orders = this.#orders
    this.#rounds = new GossipRounds({ profile, random, agenda, swim, courier })
    swim.start(metaOf(config.tags), nowMs)
    if (config.memory) this.#resume(config.memory)
    startRhythm({ profile, random, agenda, swim, serf, prober, orders, exchange, report }, nowMs)
  }

  // --- what comes in -------------------------------------------------------------------------------------------------

  receivePacket(bytes: Uint8Array, from: Endpoint, nowMs: number): void {
    this.#enter(nowMs)
    const sender = { host: canonicalHost(from.host), port: from.port }
    const opened = this.#sealing.openPacket(bytes)
    if (!opened.ok) {
      this.#outbox.report('foreign', opened.problem, sender)
      return
    }
    const { messages, problems } = decodePacket(opened.value)
    for (const problem of problems) this.#outbox.report('malformed', problem, sender)
    for (const { message } of messages) this.#inbox.receive(message, sender)
  }

  receiveStream(message: StreamMessage, from: Endpoint, nowMs: number, reply: Reply): void {
    this.#enter(nowMs)
    const answer = (bytes: Uint8Array) => reply(this.#sealing.sealStream(bytes, 'answerer'))
    switch (message.kind) {
      case 'ping': {
        const ack = { kind: 'ack', seqNo: message.seqNo, payload: null } as const
        if (this.#inbox.isForUs(message.node, from)) answer(encodeStream(ack, { compress: this.#compression }))
        else reply()
        return
      }
      case 'pushPull':
        this.#exchange.accept(message, from, answer)
        return
      case 'user':
        this.#inbox.hear(message.payload, from)
        reply()
        return
      default:
        this.#outbox.report('unexpected', `${message.kind} opens a stream`, from)
        reply()
    }
  }

  streamAnswered(id: number, message: StreamMessage, nowMs: number, key?: Uint8Array): void {
    this.#enter(nowMs)
    if (message.kind === 'error' && key && this.#keyring?.follow(key)) {
      this.#outbox.report('foreign', 'others no longer open our primary key; the one they answered with becomes it')
    }
    this.#exchange.answered(id, message)
  }

  streamFailed(id: number, problem: string, nowMs: number, refused = false): void {
    this.#enter(nowMs)
    this.#exchange.failed(id, problem, refused)
  }

  sendFailed(probe: number, nowMs: number): void {
    this.#enter(nowMs)
    this.#prober.sendFailed(probe, nowMs)
  }

  /** After something had to be waited for; perhaps for longer than the asker did. */
  #respondLate(query: HeardQuery, payload: Uint8Array): void {
    try {
      this.#queries.respond(query, payload)
    } catch (error) {
      if (!(error instanceof ReeveError)) throw error
      this.#outbox.report('unsent', `${query.name}: ${error.message}`)
    }
  }

  keysStored(nowMs: number, problem?: string): void {
    this.#enter(nowMs)
    this.#keyring?.stored(problem)
  }

  // --- time, orders, questions ---------------------------------------------------------------------------------------

  wake(nowMs: number): void {
    this.#enter(nowMs)
    if (this.#agenda.nextMs > nowMs) return
    this.#agenda.run(nowMs)
    this.#stalls.done()
  }

  nextWakeMs(): number {
    return this.#agenda.nextMs
  }

  take(): Effect[] {
    this.#rounds.plan(this.#nowMs)
    return this.#outbox.take()
  }

  join(seeds: readonly Endpoint[], manner: JoinManner, nowMs: number): number {
    this.#enter(nowMs)
    return this.#orders.join(seeds, manner)
  }

  leave(nowMs: number): number {
    this.#enter(nowMs)
    return this.#orders.leave()
  }

  setTags(tags: ReadonlyMap<string, string>, nowMs: number): number {
    this.#enter(nowMs)
    return this.#orders.update(metaOf(tags))
  }

  forceLeave(name: string, prune: boolean, nowMs: number): number {
    this.#enter(nowMs)
    return this.#orders.forceLeave(name, prune)
  }

  query(question: Question, nowMs: number): OpenQuery {
    this.#enter(nowMs)
    return this.#queries.ask(question)
  }

  forgetQuery(lTime: bigint, nowMs: number): void {
    this.#enter(nowMs)
    this.#queries.forget(lTime)
  }

  respond(query: HeardQuery, payload: Uint8Array, nowMs: number): void {
    this.#enter(nowMs)
    this.#queries.respond(query, payload)
  }

  sendEvent(name: string, payload: Uint8Array, coalesce: boolean, nowMs: number): void {
    this.#enter(nowMs)
    const clock = this.#rumours.eventClock
    const event = { lTime: clock.time(), name, payload: payload.slice(), coalesce }
    const bytes = encodeUserEvent(event)
    if (!bytes.ok) throw new ReeveError('REQUEST_MALFORMED', bytes.problem)
    this.#rumours.hearEvent(event)
    this.#courier.events.add({ bytes: encodeMessage({ kind: 'user', payload: bytes.value }), own: true })
  }

  members(): Member[] {
    return this.#serf.members()
  }

  coordinate(name: string): Coordinate | undefined {
    return this.#coordinates?.of(name)
  }

  rttMs(a: string, b: string): number | undefined {
    return this.#coordinates?.rttMs(a, b)
  }

  times(): Times {
    const { eventClock, queryClock } = this.#rumours
    return { member: this.#serf.clock.time() - 1n, event: eventClock.time() - 1n, query: queryClock.time() - 1n }
  }

  stats(): GossipStats {
    const { nodes, intents, queries, events } = this.#courier
    return {
      health: this.#awareness.score,
      incarnation: this.#swim.self.incarnation,
      memberTime: this.#serf.clock.time(),
      eventTime: this.#rumours.eventClock.time(),
      queryTime: this.#rumours.queryClock.time(),
      stalls: { count: this.#stalls.count, totalMs: this.#stalls.totalMs },
      coordinateResets: this.#coordinates?.resets ?? 0,
      ...{ ...this.#swim.census(), flaps: this.#serf.flaps },
      queued: { nodes: nodes.depth, intents: intents.depth, queries: queries.depth, events: events.depth },
      problems: new Map(this.#outbox.problems),
    }
  }

  /** Before anything comes in: what is old must not be taken for news. */
  #resume({ alive, failed, times }: Memory): void {
    this.#serf.clock.witness(times.member)
    this.#rumours.eventClock.witness(times.event)
    this.#rumours.queryClock.witness(times.query)
    this.#rumours.ignoreBefore({ events: times.event + 1n, queries: times.query + 1n })
    this.#serf.remember(alive, this.#nowMs)
    this.#serf.remember(failed, this.#nowMs)
  }

  /** Begins whatever we do at this moment. */
  #enter(nowMs: number): void {
    this.#nowMs = nowMs
    this.#stalls.notice(nowMs)
  }
}

function metaOf(tags: ReadonlyMap<string, string>): Uint8Array {
  const meta = encodeTags(tags)
  if (!meta.ok) throw new ReeveError('REQUEST_MALFORMED', meta.problem)
  return meta.value
}
