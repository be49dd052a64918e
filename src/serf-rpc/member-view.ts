/**
 * The members of a cluster as an agent lists them, and what has changed since it was looked at last: owns which facts
 * that makes. About ourselves it makes none.
 */

import type { MembershipFact } from '../gossip/effects.ts'
import { formatIp } from '../gossip/ip.ts'
import type { Member, MemberStatus } from '../gossip/member.ts'
import type { IpcMember } from './wire.ts'

const statuses: readonly string[] = ['alive', 'leaving', 'left', 'failed'] satisfies MemberStatus[]

export class MemberView {
  readonly #self: string
  readonly #members = new Map<string, Member>()
  #accompanied = false

  constructor(self: string) {
    this.#self = self
  }

  /** Ourselves first. */
  all(): Member[] {
    const self = this.#members.get(this.#self)
    const others = [...this.#members.values()].filter(({ name }) => name !== this.#self)
    return self ? [self, ...others] : others
  }

  get self(): Member | undefined {
    return this.#members.get(this.#self)
  }

  /** All there are: who is not among them is forgotten. */
  replace(list: readonly IpcMember[]): MembershipFact[] {
    const present = new Set(list.map(({ name }) => name))
    const gone = [...this.#members.values()].filter(({ name }) => !present.has(name))
    return this.#facts([...gone.flatMap((member) => this.#forget(member)), ...list.flatMap((one) => this.#take(one))])
  }

  /** Some, as they are now. */
  update(list: readonly IpcMember[]): MembershipFact[] {
    return this.#facts(list.flatMap((one) => this.#take(one)))
  }

  forget(list: readonly IpcMember[]): MembershipFact[] {
    return this.#facts(list.flatMap(({ name }) => this.#members.get(name) ?? []).flatMap((one) => this.#forget(one)))
  }

  #forget(member: Member): MembershipFact[] {
    this.#members.delete(member.name)
    return member.name === this.#self ? [] : [{ kind: 'reaped', member }]
  }

  #take(one: IpcMember): MembershipFact[] {
    const member = memberOf(one)
    if (!member) return []
    const before = this.#members.get(member.name)
    this.#members.set(member.name, member)
    if (member.name === this.#self) return []
    const { status } = member
    if (status === 'alive') {
      if (before?.status !== 'alive') return before?.status === 'leaving' ? [] : [{ kind: 'joined', member }]
      return isSame(before, member) ? [] : [{ kind: 'updated', member }]
    }
    // Whom we never saw alive, nobody counts on.
    if (status === 'leaving' || before === undefined || before.status === status) return []
    return [{ kind: status, member }]
  }

  /** Behind what happened: whether we have become alone by it, or are so no more. */
  #facts(facts: MembershipFact[]): MembershipFact[] {
    const accompanied = [...this.#members.values()].some(
      ({ name, status }) => name !== this.#self && status === 'alive',
    )
    if (accompanied === this.#accompanied) return facts
    this.#accompanied = accompanied
    return [...facts, { kind: accompanied ? 'accompanied' : 'alone' }]
  }
}

function isSame(a: Member, b: Member): boolean {
  if (a.host !== b.host || a.port !== b.port || a.tags.size !== b.tags.size) return false
  return [...a.tags].every(([tag, value]) => b.tags.get(tag) === value)
}

/** Undefined for one without an address, or of no status that members have. */
function memberOf(one: IpcMember): Member | undefined {
  const host = formatIp(one.addr)
  if (host === undefined || !statuses.includes(one.status)) return undefined
  const { name, port, tags, protocolMin, protocolMax, protocolCur, delegateMin, delegateMax, delegateCur } = one
  const vsn = Uint8Array.of(protocolMin, protocolMax, protocolCur, delegateMin, delegateMax, delegateCur)
  return { name, host, port, status: one.status as MemberStatus, tags, vsn }
}
