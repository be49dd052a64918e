/**
 * The parts of a member, each built once and told of the others. Owns who tells whom what; never acts, and knows no
 * moment but by asking. What comes in is routed in `gossip.ts`.
 */

import { ReeveError } from '../errors.ts'
import { Agenda } from './agenda.ts'
import { Awareness } from './awareness.ts'
import { Coordinates } from './coordinates.ts'
import type { GossipCoreConfig } from './core.ts'
import { Courier } from './courier.ts'
import type { Effect, HeardQuery, Problem } from './effects.ts'
import { Exchange } from './exchange.ts'
import { GossipRounds } from './gossip-rounds.ts'
import { Inbox } from './inbox.ts'
import { type Endpoint, parseIp } from './ip.ts'
import { keyAnswers } from './key-answers.ts'
import { encodeMessage } from './memberlist-codec.ts'
import { noBytes } from './msgpack-struct.ts'
import { Orders } from './orders.ts'
import { Outbox } from './outbox.ts'
import { Prober } from './probe.ts'
import { Queries } from './queries.ts'
import { Rumours } from './rumours.ts'
import { type Sealing, unsealed } from './sealing.ts'
import { Serf } from './serf.ts'
import { Stalls } from './stall.ts'
import { Swim } from './swim.ts'

export interface Assembly {
  readonly sealing: Sealing
  readonly agenda: Agenda
  readonly awareness: Awareness
  readonly outbox: Outbox
  readonly rumours: Rumours
  readonly coordinates: Coordinates | undefined
  readonly courier: Courier
  readonly serf: Serf
  readonly swim: Swim
  readonly prober: Prober
  readonly stalls: Stalls
  readonly queries: Queries
  readonly inbox: Inbox
  readonly exchange: Exchange
  readonly orders: Orders
  readonly rounds: GossipRounds
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
}

/** `now`: the moment of what is being handled. Throws `CONFIG_INVALID`. */
export function assemble(config: GossipCoreConfig, random: () => number, now: () => number): Assembly {
  const { name, advertise, profile, compression, keyring, sealing = unsealed } = config
  const addr = parseIp(advertise.host)
  if (!addr) throw new ReeveError('CONFIG_INVALID', `cannot advertise ${advertise.host}: not an IP address`)
  const agenda = new Agenda()
  const outbox = new Outbox()
  const emit = (effect: Effect) => outbox.add(effect)
  const report = (reason: Problem, detail: string, from?: Endpoint) => outbox.report(reason, detail, from)
  const rumours = new Rumours((event) => emit({ kind: 'fact', fact: { kind: 'userEvent', event } }))
  const coordinates = config.coordinates !== false ? new Coordinates({ name, random, report }) : undefined
  const awareness = new Awareness(profile.awarenessMaxMultiplier)
  const courier = new Courier({
    profile,
    compression,
    sealing,
    nodeCount: () => swim.list.size,
    memberCount: () => serf.size,
    emit,
  })
  const serf = new Serf({
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
  const swim: Swim = new Swim({
    name,
    addr,
    port: advertise.port,
    profile,
    random,
    agenda,
    awareness,
    queue: courier.nodes,
    listener: {
      joined: (node) => serf.nodeJoined(node, now()),
      departed: (node) => serf.nodeDeparted(node, now()),
      updated: (node) => serf.nodeUpdated(node),
      remind: (node, reminder) => courier.sendAlone(node, reminder),
      conflict: (node, claimed) => {
        outbox.tellConflict(node, claimed, now())
        if (node === swim.self) queries.contest(claimed)
      },
      contested: () => orders.contested(),
      problem: report,
    },
  })
  const prober = new Prober({
    profile,
    random,
    agenda,
    awareness,
    swim,
    courier,
    report,
    pingOnStream: (to, bytes, seqNo, timeoutMs) => exchange.ping(to, bytes, seqNo, timeoutMs),
    answersOnStreams: (node) => exchange.reach(node),
    measured: ({ name }, payload, rttMs) => coordinates?.acked(name, payload ?? noBytes, rttMs),
  })
  const stalls = new Stalls({ profile, agenda, awareness, prober, swim })
  // After something had to be waited for; perhaps for longer than the asker did.
  const respondLate = (query: HeardQuery, payload: Uint8Array) => {
    try {
      queries.respond(query, payload)
    } catch (error) {
      if (!(error instanceof ReeveError)) throw error
      report('unsent', `${query.name}: ${error.message}`)
    }
  }
  const queries = new Queries({
    name,
    profile,
    random,
    agenda,
    now,
    swim,
    serf,
    rumours,
    courier,
    prober,
    internalQueries: keyAnswers({ name, keyring, respond: respondLate }),
    report,
    emit,
  })
  const inbox = new Inbox({
    name,
    now,
    swim,
    serf,
    rumours,
    queries,
    prober,
    courier,
    ackPayload: () => coordinates?.payload() ?? null,
    report,
  })
  const exchange = new Exchange({
    profile,
    compression,
    sealing,
    agenda,
    now,
    swim,
    serf,
    rumours,
    courier,
    joining: () => rounds.hush(now()),
    prober,
    report,
    emit,
  })
  const orders = new Orders({
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
  const rounds = new GossipRounds({ profile, random, agenda, swim, courier })
  return {
    sealing,
    agenda,
    awareness,
    outbox,
    rumours,
    coordinates,
    courier,
    serf,
    swim,
    prober,
    stalls,
    queries,
    inbox,
    exchange,
    orders,
    rounds,
    report,
  }
}
