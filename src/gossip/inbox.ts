/**
 * What to do with each message that came in, whichever way: asks, tells and answers. Serf's messages that concern
 * everybody are passed on as the bytes they came in, once.
 */

import type { Courier } from './courier.ts'
import type { Problem } from './effects.ts'
import { type Endpoint, endpointKey, formatIp } from './ip.ts'
import { encodeMessage } from './memberlist-codec.ts'
import type { Message, Ping, Relay } from './messages.ts'
import type { Prober } from './probe.ts'
import type { Queries } from './queries.ts'
import { mayPassOn, type Rumours } from './rumours.ts'
import type { Serf } from './serf.ts'
import { decodeSerfMessage, SerfMessageType } from './serf-codec.ts'
import type { Swim } from './swim.ts'

export interface InboxParts {
  readonly name: string
  readonly now: () => number
  readonly swim: Swim
  readonly serf: Serf
  readonly rumours: Rumours
  readonly queries: Queries
  readonly prober: Prober
  readonly courier: Courier
  /** What our acks carry. */
  readonly ackPayload: () => Uint8Array | null
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
}

export class Inbox {
  readonly #parts: InboxParts

  constructor(parts: InboxParts) {
    this.#parts = parts
  }

  receive(message: Message, from: Endpoint): void {
    const nowMs = this.#parts.now()
    switch (message.kind) {
      case 'ping':
        this.#answer(message, from, nowMs)
        return
      case 'indirectPing':
        this.#parts.prober.runErrand(message, this.#answerTo(from, message), nowMs)
        return
      case 'ack':
        if (!this.#parts.prober.acked(message, nowMs)) this.#parts.report('unasked', `ack ${message.seqNo}`, from)
        return
      case 'nack':
        if (!this.#parts.prober.nacked(message.seqNo, from))
          this.#parts.report('unasked', `nack ${message.seqNo}`, from)
        return
      case 'suspect':
        this.#parts.swim.suspect(message, nowMs)
        return
      case 'alive':
        this.#parts.swim.alive(message, nowMs)
        return
      case 'dead':
        this.#parts.swim.dead(message, nowMs)
        return
      case 'user':
        this.hear(message.payload, from)
        return
      case 'error':
        this.#parts.report('unexpected', 'error in a packet', from)
        return
    }
  }

  /** A Serf message. What concerns everybody is passed on as the bytes it came in, once. */
  hear(payload: Uint8Array, from: Endpoint): void {
    if (payload.length === 0) return
    const decoded = decodeSerfMessage(payload)
    if (!decoded.ok) {
      this.#parts.report('malformed', decoded.problem, from)
      return
    }
    const message = decoded.value
    switch (message.kind) {
      case 'joinIntent':
      case 'leaveIntent':
        if (this.#parts.serf.hear(message, this.#parts.now()))
          this.#passOn(
            'intents',
            payload,
            message.kind === 'joinIntent' ? this.#knowers(message.node, from) : undefined,
          )
        return
      case 'userEvent':
        if (this.#parts.rumours.hearEvent(message)) this.#passOn('events', payload)
        return
      case 'query':
        if (!this.#parts.rumours.hearQuery(message)) return
        if (mayPassOn(message)) this.#passOn('queries', payload)
        this.#parts.queries.hear(message)
        return
      case 'queryResponse':
        this.#parts.queries.hearResponse(message, from)
        return
      case 'relay':
        this.#relay(message, from)
        return
      case 'serfPushPull':
        this.#parts.report('unexpected', message.kind, from)
        return
    }
  }

  #passOn(queue: 'intents' | 'events' | 'queries', payload: Uint8Array, known?: readonly string[]): void {
    const bytes = encodeMessage({ kind: 'user', payload })
    const { courier, report } = this.#parts
    if (bytes.length > courier.maxBroadcastBytes) report('excess', `${bytes.length} bytes to pass on`)
    else courier[queue].add({ bytes, ...(known && { arrival: 'heard', known }) })
  }

  /** Of the arrival of a member: itself and who told us. */
  #knowers(name: string, from: Endpoint): string[] {
    const node = this.#parts.swim.list.get(name)
    return [from, ...(node ? [node] : [])].map(endpointKey)
  }

  #answer(ping: Ping, from: Endpoint, nowMs: number): void {
    if (!this.isForUs(ping.node, from)) return
    const { courier, swim, ackPayload } = this.#parts
    const to = this.#answerTo(from, ping)
    courier.send(to, { kind: 'ack', seqNo: ping.seqNo, payload: ackPayload() })
    const belief = swim.beliefOf(ping.sourceNode, nowMs)
    if (belief) courier.send(to, belief)
  }

  /** Hands a query's response on to who asked; nothing else and to nobody else. */
  #relay({ destAddr, destPort, inner }: Relay, from: Endpoint): void {
    const to = { host: formatIp(destAddr) ?? '', port: destPort }
    if (inner[0] === SerfMessageType.queryResponse && this.#parts.swim.list.knows(to))
      this.#parts.courier.sendUser(to, inner)
    else this.#parts.report('unexpected', `relay to ${to.host}:${to.port}`, from)
  }

  isForUs(node: string, from: Endpoint): boolean {
    if (node === '' || node === this.#parts.name) return true
    this.#parts.report('misdirected', `ping for ${node}`, from)
    return false
  }

  /**
   * Where to send an answer. The sender may name another address than the packet's (it may be behind a translating
   * router), but nobody can make us send to an address that is neither a member's nor the sender's own.
   */
  #answerTo(from: Endpoint, { sourceAddr, sourcePort }: { sourceAddr: Uint8Array; sourcePort: number }): Endpoint {
    const host = formatIp(sourceAddr)
    if (host === undefined || sourcePort === 0 || this.#parts.swim.list.knows(from)) return from
    const named = { host, port: sourcePort }
    return host === from.host || this.#parts.swim.list.knows(named) ? named : from
  }
}
