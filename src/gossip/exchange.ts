/**
 * The streams that we open and the exchange of whole states over them (push/pull): what another member knows for what
 * we know. Owns what each open stream is for.
 */

import type { Agenda } from './agenda.ts'
import type { Courier } from './courier.ts'
import { differences, withoutKnown } from './difference.ts'
import type { Effect, Problem } from './effects.ts'
import type { Endpoint } from './ip.ts'
import { Latecomers } from './latecomers.ts'
import { mergeNodes, stateOf } from './merge.ts'
import type { PushPull, PushPullNode, SerfPushPull } from './messages.ts'
import { noBytes } from './msgpack-struct.ts'
import type { NodeRecord } from './node-list.ts'
import type { Prober } from './probe.ts'
import type { Profile } from './profile.ts'
import type { Rumours } from './rumours.ts'
import type { Sealing } from './sealing.ts'
import type { Serf } from './serf.ts'
import { decodeSerfMessage, encodeSerfMessage } from './serf-codec.ts'
import { encodeStream, type StreamMessage } from './stream-codec.ts'
import type { Swim } from './swim.ts'

export interface ExchangeParts {
  readonly profile: Profile
  readonly compression: boolean
  readonly sealing: Sealing
  readonly agenda: Agenda
  readonly now: () => number
  readonly swim: Swim
  readonly serf: Serf
  readonly rumours: Rumours
  readonly courier: Courier
  /** Somebody joins through us. */
  readonly joining: () => void
  readonly prober: Pick<Prober, 'streamAcked' | 'streamRefused'>
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
  readonly emit: (effect: Effect) => void
}

/** Gets a problem, or none when both states are merged here; `toldNews`: they seem not to have known all of ours. */
export type Concluded = (problem: string | undefined, toldNews: boolean) => void

type Purpose =
  | { readonly kind: 'exchange'; readonly concluded: Concluded }
  | { readonly kind: 'ping'; readonly seqNo: number }

/**
 * When many join through us at once, their states come one after the other. To write down and compress all we know for
 * each of them would keep the others waiting; so whoever comes this soon after an answer is answered with those that
 * come meanwhile, and learns of them.
 */
const gatheringMs = 40

interface Asker {
  /** Of who joins and knows nobody yet. */
  readonly name: string | undefined
  readonly reply: (bytes: Uint8Array) => void
  /** What it told; who joins has told only of itself and gets all there is. */
  readonly told?: Told
}

interface Told {
  readonly nodes: readonly PushPullNode[]
  readonly serf: SerfPushPull | undefined
  /** Of whom we knew something else before. */
  readonly news: ReadonlySet<string>
}

export class Exchange {
  readonly #parts: ExchangeParts
  readonly #open = new Map<number, Purpose>()
  readonly #latecomers: Latecomers
  /** How many had joined when gossip was found not to reach a member and it was told that way. */
  readonly #reached = new WeakMap<NodeRecord, number>()
  #askers: Asker[] = []
  #answeredMs = Number.NEGATIVE_INFINITY
  #last = 0
  /** Joins under way that do not want to hear old news. */
  #ignoring = 0

  constructor(parts: ExchangeParts) {
    this.#parts = parts
    this.#latecomers = new Latecomers(parts)
  }

  /** With one member. */
  start(to: Endpoint, join: boolean, concluded: Concluded): void {
    this.#begin(to, this.#state(join), this.#parts.profile.streamTimeoutMs, { kind: 'exchange', concluded })
  }

  /** With one that hears no packets of ours, nor we of its: unless nobody has come since we last did. */
  reach(node: NodeRecord): void {
    const { joined } = this.#parts.swim
    if (this.#reached.get(node) === joined) return
    this.#reached.set(node, joined)
    this.start(node, false, () => {})
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
    const { agenda, now, swim, joining, report } = this.#parts
    const { nodes, join } = theirs
    const news = join ? undefined : differences(stateOf(swim), nodes)
    const { problem, serf } = this.#merge(theirs, from)
    if (problem !== undefined) report('incompatible', problem, from)
    if (join) joining()
    const name = join && nodes.length === 1 ? nodes[0]?.name : undefined
    this.#askers.push({ reply, name, ...(news && { told: { nodes, serf, news } }) })
    if (this.#askers.length > 1) return
    agenda.at(Math.max(now(), this.#answeredMs + gatheringMs), (nowMs) => this.#answerAll(nowMs), true)
  }

  #answerAll(nowMs: number): void {
    this.#answeredMs = nowMs
    const askers = this.#askers
    this.#askers = []
    const joining = askers.filter(({ told }) => !told)
    const state = joining.length > 0 ? this.#state(true) : noBytes
    for (const { reply } of joining) reply(state)
    this.#latecomers.answered(joining, nowMs)
    for (const { reply, told } of askers) if (told) reply(this.#state(false, told))
  }

  answered(id: number, message: StreamMessage): void {
    const purpose = this.#close(id)
    if (purpose?.kind === 'ping') {
      if (message.kind === 'ack' && message.seqNo === purpose.seqNo) this.#parts.prober.streamAcked(purpose.seqNo)
      return
    }
    if (!purpose) return
    if (message.kind === 'pushPull') purpose.concluded(this.#merge(message).problem, this.#isNewsTo(message))
    else
      purpose.concluded(
        message.kind === 'error' ? `remote error: ${message.text}` : `answered by ${message.kind}`,
        false,
      )
  }

  failed(id: number, problem: string, refused: boolean): void {
    const purpose = this.#close(id)
    if (purpose?.kind === 'exchange') purpose.concluded(problem, false)
    else if (purpose && refused) this.#parts.prober.streamRefused(purpose.seqNo, this.#parts.now())
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

  /** All we know, or what is different from what we were told. */
  #state(join: boolean, told?: Told): Uint8Array {
    const { swim, serf, rumours, compression } = this.#parts
    let nodes = stateOf(swim)
    let state = { ...serf.state(), ...rumours.state() }
    if (told) {
      const names = new Set([swim.self.name, ...told.news, ...differences(nodes, told.nodes)])
      nodes = nodes.filter(({ name }) => names.has(name))
      if (told.serf) state = withoutKnown(state, told.serf, names)
    }
    const userState = encodeSerfMessage({ kind: 'serfPushPull', ...state })
    return encodeStream({ kind: 'pushPull', join, nodes, userState }, { compress: compression })
  }

  /**
   * Whether some of what we told was news there, as far as an answer shows it. Ours name those of whom either side knew
   * something else, and nobody but themselves when there are none; Go's name all that were known there before.
   */
  #isNewsTo({ nodes }: PushPull): boolean {
    return nodes.length > 1 && nodes.length < this.#parts.swim.list.size
  }

  /** `problem`: why it was refused. */
  #merge({ join, nodes, userState }: PushPull, from?: Endpoint): { problem?: string; serf?: SerfPushPull } {
    const { swim, serf, rumours, now } = this.#parts
    const told = this.#serfState(userState, from)
    // Whoever is gone and has announced it has left; told only of the one, we would take it for a failure.
    const problem = mergeNodes(swim, nodes, now(), () => told && serf.mergeLeft(told, now()))
    if (problem !== undefined) return { problem }
    if (!told) return {}
    serf.merge(told, now())
    rumours.merge(told, join && this.#ignoring > 0)
    return { serf: told }
  }

  #serfState(userState: Uint8Array, from?: Endpoint): SerfPushPull | undefined {
    const { report } = this.#parts
    if (userState.length === 0) return undefined
    const decoded = decodeSerfMessage(userState)
    if (!decoded.ok) report('malformed', decoded.problem, from)
    else if (decoded.value.kind !== 'serfPushPull') report('malformed', `${decoded.value.kind} as state`, from)
    else return decoded.value
    return undefined
  }
}
