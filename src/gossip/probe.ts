/**
 * Asks one node after the other whether it is there, one at a time: directly, then through helpers and on a stream. Also
 * helps others who ask us to. Owns sequence numbers and what is waited for; the verdict goes to SWIM as a suspicion.
 */

import type { Agenda, Appointment } from './agenda.ts'
import type { Awareness } from './awareness.ts'
import type { Courier } from './courier.ts'
import type { Problem } from './effects.ts'
import { type Endpoint, endpointKey, formatIp } from './ip.ts'
import { encodeMessage } from './memberlist-codec.ts'
import { type Ack, type IndirectPing, NodeState, type Ping } from './messages.ts'
import { isUp, type NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import type { Swim } from './swim.ts'
import { understands } from './versions.ts'

/** Pings on behalf of others under way at once; more are not taken on. */
const maxErrands = 1024
/** The part of the probe timeout after which we also knock on a stream: on one network an answer takes a hundredth of it. */
const knockShare = 0.4
/** The part of the probe timeout that helpers still have after a member's host refused our stream. */
const refusedShare = 0.2

export interface ProberParts {
  readonly profile: Profile
  readonly random: () => number
  readonly agenda: Agenda
  readonly awareness: Awareness
  readonly swim: Swim
  readonly courier: Courier
  /** Sends a message on a stream and has `streamAcked` called when the answer is an ack. */
  readonly pingOnStream: (to: Endpoint, ping: Uint8Array, seqNo: number, timeoutMs: number) => void
  /** A node did not answer on packets. */
  readonly answersOnStreams: (node: NodeRecord) => void
  /** A node answered directly and in time: what its ack carried, and how long after the ping it came. */
  readonly measured: (node: NodeRecord, payload: Uint8Array | null, rttMs: number) => void
  readonly report: (reason: Problem, detail: string) => void
}

/** The probe under way. */
interface Round {
  readonly seqNo: number
  readonly node: NodeRecord
  /** As accused if it does not answer: what it says meanwhile counts more. */
  readonly incarnation: number
  readonly sentMs: number
  deadlineMs: number
  readonly timers: Appointment[]
  helpersAsked: boolean
  knocked: boolean
  /** We did not run for a while since the ping was sent. */
  interrupted: boolean
  expectedNacks: number
  /** Addresses of helpers that may say so, each once. */
  readonly nacksFrom: Set<string>
  receivedNacks: number
  streamAcked: boolean
}

/** A ping that is no probe. */
interface Errand {
  readonly acked: () => void
  readonly timers: Appointment[]
}

export class Prober {
  readonly #parts: ProberParts
  readonly #errands = new Map<number, Errand>()
  #round: Round | undefined
  #tickMissed = false
  #lastSeqNo: number

  constructor(parts: ProberParts) {
    this.#parts = parts
    // An ack proves little when its number can be guessed.
    this.#lastSeqNo = 256 + Math.floor(parts.random() * 0x7f00)
  }

  /** Called every probe interval. A round that takes longer delays the next one. */
  tick(nowMs: number): void {
    if (this.#round) this.#tickMissed = true
    else this.#begin(nowMs)
  }

  /** Whether somebody waited for it. */
  acked(ack: Ack, nowMs: number): boolean {
    if (this.#round?.seqNo === ack.seqNo) {
      const { node, sentMs, helpersAsked, interrupted } = this.#round
      // Later ones may have come by way of a helper, or have waited for us.
      if (!helpersAsked && !interrupted) this.#parts.measured(node, ack.payload, nowMs - sentMs)
      this.#end('ack', nowMs)
      return true
    }
    const errand = this.#errands.get(ack.seqNo)
    if (!errand) return false
    this.#finish(ack.seqNo, errand)
    errand.acked()
    return true
  }

  nacked(seqNo: number, from: Endpoint): boolean {
    if (this.#round?.seqNo !== seqNo || !this.#round.nacksFrom.delete(endpointKey(from))) return false
    this.#round.receivedNacks += 1
    return true
  }

  streamAcked(seqNo: number): void {
    if (this.#round?.seqNo === seqNo) this.#round.streamAcked = true
  }

  /**
   * The host is there and nobody listens, so the process is gone. Whoever can reach it by another way than ours still
   * has time for a word, but does not need all of it.
   */
  streamRefused(seqNo: number, nowMs: number): void {
    const round = this.#round
    if (round?.seqNo !== seqNo) return
    this.#askHelpers(round, nowMs)
    const { agenda, profile } = this.#parts
    const wordMs = nowMs + profile.probeTimeoutMs * refusedShare
    if (wordMs < round.deadlineMs) round.timers.push(agenda.at(wordMs, (laterMs) => this.#end('refused', laterMs)))
  }

  /** The ping could not even be handed to the network. */
  sendFailed(seqNo: number, nowMs: number): void {
    if (this.#round?.seqNo === seqNo) this.#askHelpers(this.#round, nowMs)
  }

  /** We did not run for a while: the answer may be waiting or be lost, so the probe gets all its time again, once. */
  interrupted(nowMs: number): void {
    if (!this.#round || this.#round.interrupted) return
    this.#round.interrupted = true
    this.#time(this.#round, nowMs)
  }

  /** Pings a node for somebody who cannot reach it. `answerTo`: where that somebody listens. */
  runErrand(request: IndirectPing, answerTo: Endpoint, nowMs: number): void {
    const { profile, agenda, swim, courier, report } = this.#parts
    if (this.#errands.size >= maxErrands) {
      report('excess', `more than ${maxErrands} indirect pings`)
      return
    }
    const seqNo = this.#nextSeqNo()
    const timers: Appointment[] = []
    const acked = () => courier.send(answerTo, { kind: 'ack', seqNo: request.seqNo, payload: null })
    const errand: Errand = { acked, timers }
    this.#errands.set(seqNo, errand)
    const nack = () => courier.send(answerTo, { kind: 'nack', seqNo: request.seqNo })
    if (request.nack) timers.push(agenda.at(nowMs + profile.probeTimeoutMs, nack))
    timers.push(agenda.at(nowMs + profile.probeIntervalMs, () => this.#finish(seqNo, errand)))
    const target = { host: formatIp(request.target) ?? '', port: request.port || swim.self.port }
    // We are no relay to arbitrary addresses.
    if (swim.list.knows(target)) courier.send(target, this.#ping(seqNo, request.node))
  }

  /** Whether a node of this name answers at this address, wherever the name may be known. */
  check(at: Endpoint, node: string, nowMs: number, concluded: (answered: boolean) => void): void {
    const { profile, agenda, courier } = this.#parts
    const seqNo = this.#nextSeqNo()
    const errand: Errand = { acked: () => concluded(true), timers: [] }
    errand.timers.push(
      agenda.at(nowMs + profile.probeIntervalMs, () => {
        this.#finish(seqNo, errand)
        concluded(false)
      }),
    )
    this.#errands.set(seqNo, errand)
    courier.send(at, this.#ping(seqNo, node))
  }

  #begin(nowMs: number): void {
    const { swim, courier } = this.#parts
    const self = swim.self
    const node = swim.list.next(
      (candidate) => candidate !== self && isUp(candidate),
      () => swim.expire(nowMs),
    )
    if (!node) return
    const round: Round = {
      seqNo: this.#nextSeqNo(),
      node,
      incarnation: node.incarnation,
      sentMs: nowMs,
      deadlineMs: nowMs,
      timers: [],
      helpersAsked: false,
      knocked: false,
      interrupted: false,
      expectedNacks: 0,
      nacksFrom: new Set(),
      receivedNacks: 0,
      streamAcked: false,
    }
    this.#round = round
    this.#time(round, nowMs)
    const ping = this.#ping(round.seqNo, node.name)
    if (node.state === NodeState.alive) {
      courier.send(node, ping, round.seqNo)
      return
    }
    // With the accusation beside it, it can refute at once.
    const { name, incarnation } = node
    courier.sendAlone(node, [ping, { kind: 'suspect', node: name, incarnation, from: self.name }], round.seqNo)
  }

  /** Sets when it is to be judged, reckoned from now. */
  #time(round: Round, nowMs: number): void {
    const { profile, agenda, awareness } = this.#parts
    for (const timer of round.timers.splice(0)) agenda.cancel(timer)
    round.deadlineMs = nowMs + awareness.scale(profile.probeIntervalMs)
    round.timers.push(
      agenda.at(nowMs + profile.probeTimeoutMs * knockShare, (laterMs) => this.#knock(round, laterMs)),
      agenda.at(nowMs + profile.probeTimeoutMs, (laterMs) => this.#askHelpers(round, laterMs)),
      agenda.at(round.deadlineMs, (laterMs) => this.#end(round.streamAcked ? 'streamAck' : 'nothing', laterMs)),
    )
  }

  #askHelpers(round: Round, nowMs: number): void {
    if (this.#round !== round || round.helpersAsked) return
    round.helpersAsked = true
    const { profile, swim, courier } = this.#parts
    const { node, seqNo } = round
    const self = swim.self
    const helpers = swim.list.pick(
      profile.indirectChecks,
      (candidate) => candidate !== self && candidate !== node && candidate.state === NodeState.alive,
    )
    for (const helper of helpers) {
      const nack = understands(helper.vsn, 'nack')
      if (nack) {
        round.expectedNacks += 1
        round.nacksFrom.add(endpointKey(helper))
      }
      const { sourceAddr, sourcePort, sourceNode } = this.#ping(seqNo, node.name)
      const target = { target: node.addr, port: node.port, node: node.name }
      courier.send(helper, { kind: 'indirectPing', seqNo, ...target, nack, sourceAddr, sourcePort, sourceNode })
    }
    this.#knock(round, nowMs)
  }

  /** On a stream: where packets do not get through but streams do, and to hear of a process that is gone at once. */
  #knock(round: Round, nowMs: number): void {
    if (this.#round !== round || round.knocked) return
    round.knocked = true
    const { node, seqNo } = round
    const leftMs = round.deadlineMs - nowMs
    if (understands(node.vsn, 'streamPing') && leftMs > 0) {
      this.#parts.pingOnStream(node, encodeMessage(this.#ping(seqNo, node.name)), seqNo, leftMs)
    }
  }

  #end(answer: 'ack' | 'streamAck' | 'refused' | 'nothing', nowMs: number): void {
    const round = this.#round
    if (!round) return
    const { agenda, awareness, swim, answersOnStreams, report } = this.#parts
    for (const timer of round.timers) agenda.cancel(timer)
    this.#round = undefined
    const { name } = round.node
    if (answer === 'ack' || answer === 'streamAck') {
      awareness.add(-1)
      if (answer === 'streamAck') {
        report('packetsBlocked', `${name} answers on streams but not on packets`)
        answersOnStreams(round.node)
      }
    } else {
      // A refusal came by the network that our health is about.
      if (answer === 'nothing') {
        awareness.add(round.expectedNacks > 0 ? round.expectedNacks - round.receivedNacks : 1)
      }
      swim.suspect({ kind: 'suspect', node: name, incarnation: round.incarnation, from: swim.self.name }, nowMs)
    }
    if (!this.#tickMissed) return
    this.#tickMissed = false
    this.#begin(nowMs)
  }

  #finish(key: number, errand: Errand): void {
    for (const timer of errand.timers) this.#parts.agenda.cancel(timer)
    this.#errands.delete(key)
  }

  #ping(seqNo: number, node: string): Ping {
    const { addr, port, name } = this.#parts.swim.self
    return { kind: 'ping', seqNo, node, sourceAddr: addr, sourcePort: port, sourceNode: name }
  }

  #nextSeqNo(): number {
    this.#lastSeqNo = (this.#lastSeqNo + 1) >>> 0
    return this.#lastSeqNo
  }
}
