/**
 * Members as Serf sees them: what failure detection noticed, combined with what members said about themselves. A dead
 * node that had announced to leave has left; one that had not has failed, and is tried again for a day. Owns member
 * records, intents and the member clock; the order between intents is that of their Lamport times.
 */

import type { MembershipFact, Problem } from './effects.ts'
import type { Endpoint } from './ip.ts'
import { LamportClock } from './lamport.ts'
import type { Member, MemberStatus } from './member.ts'
import { type JoinIntent, type LeaveIntent, NodeState, type SerfPushPull } from './messages.ts'
import { maxNodes, type NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import { encodeSerfMessage } from './serf-codec.ts'
import { decodeTags } from './tags.ts'

const maxRecentIntents = 4096
/** Serf's FlapTimeout. */
const flapMs = 60_000

export interface SerfParts {
  readonly name: string
  readonly profile: Profile
  readonly random: () => number
  readonly emit: (fact: MembershipFact) => void
  /** Queues an intent for everybody. */
  readonly broadcast: (intent: Uint8Array, finished?: () => void) => void
  /** Tells one member. */
  readonly send: (to: Endpoint, intent: Uint8Array) => void
  readonly report: (reason: Problem, detail: string) => void
}

interface MemberRecord extends Member {
  readonly statusLTime: bigint
  /** The time came in an exchange of state, which does not say whether it is that of a join or of a leave. */
  readonly secondHand: boolean
  /** When it failed or left. */
  readonly goneMs: number
  /** Forget it if it is gone before then: somebody asked for that while it was leaving. */
  readonly pruneUntilMs: number
  /** Known from an earlier run; in this one we have not met it yet. */
  readonly fromBefore: boolean
}

type Intent = LeaveIntent | JoinIntent

export class Serf {
  readonly clock = new LamportClock()
  readonly #parts: SerfParts
  readonly #members = new Map<string, MemberRecord>()
  /** The newest intent about each member we do not know yet. */
  readonly #recentIntents = new Map<string, { readonly intent: Intent; readonly heardMs: number }>()
  #leaving = false
  #accompanied = false
  #flaps = 0

  constructor(parts: SerfParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#members.size
  }

  /** How often a member came back soon after it had failed. */
  get flaps(): number {
    return this.#flaps
  }

  members(): Member[] {
    return Array.from(this.#members.values(), ({ name, host, port, status, tags, vsn }) => {
      return { name, host, port, status, tags, vsn }
    })
  }

  member(name: string): Member | undefined {
    return this.#members.get(name)
  }

  /** Members of an earlier run: failed for all we know, and tried again like others that are, until we hear of them. */
  remember(places: ReadonlyMap<string, Endpoint>, nowMs: number): void {
    const own = this.#members.get(this.#parts.name)
    for (const [name, { host, port }] of places) {
      if (this.#members.has(name) || this.#members.size >= maxNodes) continue
      // Ourselves, under another name.
      if (host === own?.host && port === own.port) continue
      this.#put({
        name,
        host,
        port,
        tags: new Map(),
        vsn: new Uint8Array(6),
        status: 'failed',
        statusLTime: 0n,
        secondHand: false,
        goneMs: nowMs,
        pruneUntilMs: Number.NEGATIVE_INFINITY,
        fromBefore: true,
      })
    }
  }

  // --- what failure detection noticed --------------------------------------------------------------------------------

  nodeJoined(node: NodeRecord, nowMs: number): void {
    const known = this.#members.get(node.name)
    if (known?.status === 'failed' && !known.fromBefore && nowMs - known.goneMs < flapMs) this.#flaps++
    if (!known && !this.#makeRoom()) {
      this.#parts.report('excess', `more than ${maxNodes} members`)
      return
    }
    const buffered = known ? undefined : this.#recentIntents.get(node.name)?.intent
    this.#recentIntents.delete(node.name)
    const member = this.#put({
      ...placeOf(node),
      status: buffered?.kind === 'leaveIntent' ? 'leaving' : 'alive',
      statusLTime: known?.statusLTime ?? buffered?.lTime ?? 0n,
      secondHand: known?.secondHand ?? false,
      goneMs: 0,
      pruneUntilMs: Number.NEGATIVE_INFINITY,
      fromBefore: false,
    })
    this.#tell('joined', member)
    this.#doubt(node.name)
  }

  /** Who says itself that it is gone has left, also where its goodbye came before its announcement. */
  nodeDeparted({ name, state }: NodeRecord, nowMs: number): void {
    const member = this.#members.get(name)
    if (member?.status !== 'leaving' && member?.status !== 'alive') return
    const status = member.status === 'leaving' || state === NodeState.left ? 'left' : 'failed'
    this.#tell(status, this.#put({ ...member, status, goneMs: nowMs }))
    if (nowMs <= member.pruneUntilMs) this.#forget(member)
  }

  nodeUpdated(node: NodeRecord): void {
    const member = this.#members.get(node.name)
    if (member) this.#tell('updated', this.#put({ ...member, ...placeOf(node) }))
  }

  // --- what members said ---------------------------------------------------------------------------------------------

  /** Whether the intent was news, to be passed on; `secondHand`: read out of an exchange of state. */
  hear(intent: Intent, nowMs: number, secondHand = false): boolean {
    if (!this.clock.credible(intent.lTime)) {
      this.#parts.report('incredible', `Lamport time ${intent.lTime} about ${intent.node}`)
      return false
    }
    this.clock.witness(intent.lTime)
    const member = this.#members.get(intent.node)
    if (!member) return this.#buffer(intent, nowMs)
    if (intent.kind === 'joinIntent') {
      if (intent.lTime <= member.statusLTime) return false
      const status = member.status === 'leaving' ? 'alive' : member.status
      this.#put({ ...member, status, statusLTime: intent.lTime, secondHand })
      return true
    }
    // Whoever exchanges state while it leaves has its leave taken for a join of that time; its leave itself must count.
    if (intent.lTime < member.statusLTime || (intent.lTime === member.statusLTime && !member.secondHand)) return false
    if (member.name === this.#parts.name && !this.#leaving) {
      this.announceJoin(nowMs)
      return false
    }
    const status = ({ alive: 'leaving', failed: 'left', leaving: 'leaving', left: 'left' } as const)[member.status]
    const told = this.#put({ ...member, status, statusLTime: intent.lTime, secondHand: false })
    if (member.status === 'failed') this.#tell('left', told)
    if (intent.prune) this.#prune(told, nowMs)
    return true
  }

  /** Tells everybody that we are here to stay, after a join or because somebody believes that we leave. */
  announceJoin(nowMs: number): void {
    const intent: JoinIntent = { kind: 'joinIntent', lTime: this.clock.time(), node: this.#parts.name }
    this.hear(intent, nowMs)
    this.#parts.broadcast(encodeSerfMessage(intent))
  }

  /** Tells everybody that we are about to go. */
  announceLeave(nowMs: number, finished: () => void): void {
    this.#leaving = true
    const intent: LeaveIntent = { kind: 'leaveIntent', lTime: this.clock.tick(), node: this.#parts.name, prune: false }
    this.hear(intent, nowMs)
    this.#parts.broadcast(encodeSerfMessage(intent), finished)
  }

  /** Declares a member left for everybody; one that is alive contradicts. `prune`: it shall be forgotten, too. */
  forceLeave(node: string, prune: boolean, nowMs: number, finished: () => void): void {
    // Who has just joined may have said so with the very time of our clock, and would not hear what is not later.
    this.clock.tick()
    const intent: LeaveIntent = { kind: 'leaveIntent', lTime: this.clock.tick(), node, prune }
    this.hear(intent, nowMs)
    this.#parts.broadcast(encodeSerfMessage(intent), finished)
  }

  /** Who has left, or is about to, as an exchange of state tells it: to be heard before that they are gone. */
  mergeLeft(state: SerfPushPull, nowMs: number): void {
    if (state.lTime > 0n && this.clock.credible(state.lTime)) this.clock.witness(state.lTime - 1n)
    for (const node of new Set(state.leftMembers)) {
      const lTime = state.statusLTimes.get(node) ?? 0n
      // One later than what is known outranks it. Where we agree already that would only wind up all clocks for ever.
      const status = this.#members.get(node)?.status
      const agreed = status === 'left'
      const news = this.hear({ kind: 'leaveIntent', lTime: agreed ? lTime : lTime + 1n, node, prune: false }, nowMs)
      if (news && status === 'alive') this.#doubt(node)
    }
  }

  /** The rest of the member half of an exchange of state; the clocks of events and queries are not ours to move. */
  merge(state: SerfPushPull, nowMs: number): void {
    const left = new Set(state.leftMembers)
    for (const [node, lTime] of state.statusLTimes) {
      if (!left.has(node)) this.hear({ kind: 'joinIntent', lTime, node }, nowMs, true)
    }
  }

  state(): Pick<SerfPushPull, 'lTime' | 'statusLTimes' | 'leftMembers'> {
    const statusLTimes = new Map<string, bigint>()
    const leftMembers: string[] = []
    for (const { name, status, statusLTime } of this.#members.values()) {
      // Listed among the left, one earlier than known, a leave reads as what it is: an intent of its very time.
      statusLTimes.set(name, status === 'leaving' && statusLTime > 0n ? statusLTime - 1n : statusLTime)
      if (status === 'left' || status === 'leaving') leftMembers.push(name)
    }
    return { lTime: this.clock.time(), statusLTimes, leftMembers }
  }

  // --- time ----------------------------------------------------------------------------------------------------------

  /** Forgets members that are gone for long, and intents about members that never came. */
  reap(nowMs: number): void {
    const { reconnectTimeoutMs, tombstoneTimeoutMs, recentIntentTimeoutMs } = this.#parts.profile
    for (const member of this.#gone()) {
      const keptMs = member.status === 'left' ? tombstoneTimeoutMs : reconnectTimeoutMs
      if (nowMs - member.goneMs > keptMs) this.#forget(member)
    }
    for (const [name, { heardMs }] of this.#recentIntents) {
      if (nowMs - heardMs > recentIntentTimeoutMs) this.#recentIntents.delete(name)
    }
  }

  /** Somebody is known from an earlier run only. */
  get hasMemory(): boolean {
    return this.#gone().some(({ fromBefore }) => fromBefore)
  }

  /** A failed member, perhaps only of an earlier run, that is worth a try now; the more there are, the likelier. */
  reconnectCandidate(onlyFromBefore = false): Member | undefined {
    const failed = this.#gone().filter(({ status, fromBefore }) => {
      return status === 'failed' && (fromBefore || !onlyFromBefore)
    })
    const alive = Math.max(1, this.#members.size - this.#gone().length)
    if (failed.length === 0 || this.#parts.random() >= failed.length / alive) return undefined
    return failed[Math.floor(this.#parts.random() * failed.length)]
  }

  // -------------------------------------------------------------------------------------------------------------------

  /**
   * A leave that somebody told of a member that is alive to us. Perhaps it is about to go; perhaps it is back, and a leave
   * of an earlier life has come to outrank what it said then, as each exchange between members of Go makes that later.
   * Only the member knows: told a later time still, it contradicts to everybody.
   */
  #doubt(name: string): void {
    const member = this.#members.get(name)
    if (member?.status !== 'leaving' || name === this.#parts.name) return
    const intent: LeaveIntent = { kind: 'leaveIntent', lTime: member.statusLTime + 1n, node: name, prune: false }
    this.#parts.send(member, encodeSerfMessage(intent))
  }

  #gone(): MemberRecord[] {
    return [...this.#members.values()].filter(({ name, status }) => {
      return name !== this.#parts.name && (status === 'failed' || status === 'left')
    })
  }

  #buffer(intent: Intent, nowMs: number): boolean {
    const known = this.#recentIntents.get(intent.node)
    if (known && intent.lTime <= known.intent.lTime) return false
    this.#recentIntents.delete(intent.node)
    this.#recentIntents.set(intent.node, { intent, heardMs: nowMs })
    if (this.#recentIntents.size > maxRecentIntents) {
      const [oldest] = this.#recentIntents.keys()
      if (oldest !== undefined) this.#recentIntents.delete(oldest)
    }
    return true
  }

  /** Never a member that is alive or may still refute: others would go on listing it, and we never again. */
  #prune(member: MemberRecord, nowMs: number): void {
    if (member.status === 'left') {
      this.#forget(member)
      return
    }
    const { broadcastTimeoutMs, leavePropagateMs } = this.#parts.profile
    this.#put({ ...member, pruneUntilMs: nowMs + broadcastTimeoutMs + leavePropagateMs })
  }

  /** Room for one more, at the cost of whoever is gone for longest. */
  #makeRoom(): boolean {
    if (this.#members.size < maxNodes) return true
    const [longest, ...others] = this.#gone()
    if (!longest) return false
    this.#forget(others.reduce((oldest, member) => (member.goneMs < oldest.goneMs ? member : oldest), longest))
    return true
  }

  #put(member: MemberRecord): MemberRecord {
    this.#members.set(member.name, member)
    return member
  }

  #forget(member: MemberRecord): void {
    this.#members.delete(member.name)
    this.#tell('reaped', member)
  }

  #tell(kind: 'joined' | 'updated' | 'failed' | 'left' | 'reaped', record: MemberRecord): void {
    const { name, host, port, status, tags, vsn } = record
    if (name === this.#parts.name) return
    this.#parts.emit({ kind, member: { name, host, port, status, tags, vsn } })
    const accompanied = this.#others(['alive', 'leaving'])
    if (accompanied === this.#accompanied) return
    this.#accompanied = accompanied
    this.#parts.emit({ kind: accompanied ? 'accompanied' : 'alone' })
  }

  #others(statuses: readonly MemberStatus[]): boolean {
    for (const { name, status } of this.#members.values()) {
      if (name !== this.#parts.name && statuses.includes(status)) return true
    }
    return false
  }
}

function placeOf({ name, host, port, meta, vsn }: NodeRecord): Omit<Member, 'status'> {
  return { name, host, port, tags: decodeTags(meta), vsn }
}
