/**
 * The streams that we open and the exchange of whole states over them (push/pull): what another member knows for what
 * we know. Owns what each open stream is for.
 */

import type { Agenda } from './agenda.ts'
import type { Effect, Problem } from './effects.ts'
import type { Endpoint } from './ip.ts'
import { mergeNodes, stateOf } from './merge.ts'
import type { PushPull } from './messages.ts'
import { noBytes } from './msgpack-struct.ts'
import type { Rumours } from './rumours.ts'
import type { Sealing } from './sealing.ts'
import type { Serf } from './serf.ts'
import { decodeSerfMessage, encodeSerfMessage } from './serf-codec.ts'
import { encodeStream, type StreamMessage } from './stream-codec.ts'
import type { Swim } from './swim.ts'

export interface ExchangeParts {
  readonly streamTimeoutMs: number
  readonly compression: boolean
  readonly sealing: Sealing
  readonly agenda: Agenda
  readonly now: () => number
  readonly swim: Swim
  readonly serf: Serf
  readonly rumours: Rumours
  /** A ping that we sent on a stream was answered. */
  readonly acked: (seqNo: number) => void
  /** Nobody listens where we sent a ping on a stream. */
  readonly refused: (seqNo: number) => void
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
  readonly emit: (effect: Effect) => void
}

type Purpose =
  | { readonly kind: 'exchange'; readonly concluded: (problem?: string) => void }
  | { readonly kind: 'ping'; readonly seqNo: number }

/**
 * When many join through us at once, their states come one after the other. To write down and compress all we know for
 * each of them would keep the others waiting; so whoever comes this soon after an answer is answered with those that
 * come meanwhile, and learns of them.
 */
const gatheringMs = 40

interface Asker {
  readonly join: boolean
  readonly reply: (bytes: Uint8Array) => void
}

export class Exchange {
  readonly #parts: ExchangeParts
  readonly #open = new Map<number, Purpose>()
  #askers: Asker[] = []
  #answeredMs = Number.NEGATIVE_INFINITY
  #last = 0
  /** Joins under way that do not want to hear old news. */
  #ignoring = 0

  constructor(parts: ExchangeParts) {
    this.#parts = parts
  }

  /** With one member. `concluded` gets a problem, or nothing when both states are merged here. */
  start(to: Endpoint, join: boolean, concluded: (problem?: string) => void): void {
    this.#begin(to, this.#state(join), this.#parts.streamTimeoutMs, { kind: 'exchange', concluded })
  }

  /** While it is on, whoever exchanges state to join has no old user events for us. Counted: on as often as off. */
  ignoreOld(ignoring: boolean): void {
    this.#ignoring += ignoring ? 1 : -1
  }

  /** Sends an encoded ping. */
  ping(to: Endpoint, bytes: Uint8Array, seqNo: number, timeoutMs: number): void {
    this.#begin(to, bytes, timeoutMs, { kind: 'ping', seqNo })
  }

  /** Takes in the state of a member that began; `reply` gets ours, to be sealed, a moment later. */
  accept(theirs: PushPull, from: Endpoint, reply: (bytes: Uint8Array) => void): void {
    const { agenda, now, report } = this.#parts
    const problem = this.#merge(theirs, from)
    if (problem !== undefined) report('incompatible', problem, from)
    this.#askers.push({ join: theirs.join, reply })
    if (this.#askers.length > 1) return
    agenda.at(Math.max(now(), this.#answeredMs + gatheringMs), (nowMs) => this.#answerAll(nowMs), true)
  }

  #answerAll(nowMs: number): void {
    this.#answeredMs = nowMs
    const askers = this.#askers
    this.#askers = []
    for (const join of [true, false]) {
      const alike = askers.filter((asker) => asker.join === join)
      const state = alike.length > 0 ? this.#state(join) : noBytes
      for (const { reply } of alike) reply(state)
    }
  }

  answered(id: number, message: StreamMessage): void {
    const purpose = this.#close(id)
    if (purpose?.kind === 'ping') {
      if (message.kind === 'ack' && message.seqNo === purpose.seqNo) this.#parts.acked(purpose.seqNo)
      return
    }
    if (message.kind === 'pushPull') purpose?.concluded(this.#merge(message))
    else purpose?.concluded(message.kind === 'error' ? `remote error: ${message.text}` : `answered by ${message.kind}`)
  }

  failed(id: number, problem: string, refused: boolean): void {
    const purpose = this.#close(id)
    if (purpose?.kind === 'exchange') purpose.concluded(problem)
    else if (purpose && refused) this.#parts.refused(purpose.seqNo)
  }

  #begin({ host, port }: Endpoint, content: Uint8Array, timeoutMs: number, purpose: Purpose): void {
    const bytes = this.#parts.sealing.sealStream(content, 'opener')
    this.#last += 1
    this.#open.set(this.#last, purpose)
    this.#parts.emit({ kind: 'stream', id: this.#last, to: { host, port }, bytes, timeoutMs })
  }

  #close(id: number): Purpose | undefined {
    const purpose = this.#open.get(id)
    this.#open.delete(id)
    return purpose
  }

  #state(join: boolean): Uint8Array {
    const { swim, serf, rumours, compression } = this.#parts
    const userState = encodeSerfMessage({ kind: 'serfPushPull', ...serf.state(), ...rumours.state() })
    return encodeStream({ kind: 'pushPull', join, nodes: stateOf(swim), userState }, { compress: compression })
  }

  /** Returns why the merge was refused. */
  #merge({ join, nodes, userState }: PushPull, from?: Endpoint): string | undefined {
    const { swim, serf, rumours, now, report } = this.#parts
    const problem = mergeNodes(swim, nodes, now())
    if (problem !== undefined || userState.length === 0) return problem
    const decoded = decodeSerfMessage(userState)
    if (!decoded.ok) report('malformed', decoded.problem, from)
    else if (decoded.value.kind !== 'serfPushPull') report('malformed', `${decoded.value.kind} as state`, from)
    else {
      serf.merge(decoded.value, now())
      rumours.merge(decoded.value, join && this.#ignoring > 0)
    }
    return undefined
  }
}
