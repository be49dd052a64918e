/** What counts of many facts in the end: of members how each stands, of user events the newest of each name. */

import type { Kept } from './coalescer.ts'
import type { Fact, ToldEvent } from './effects.ts'
import type { Member } from './member.ts'

type MemberKind = 'joined' | 'updated' | 'failed' | 'left' | 'reaped'

/** One fact for all members that it happened to. */
export interface MembersFact {
  readonly kind: MemberKind
  readonly members: readonly Member[]
}

const memberKinds: readonly string[] = ['joined', 'updated', 'failed', 'left', 'reaped'] satisfies MemberKind[]

/** The last fact about each member, grouped by kind; not the one that was told last, unless the member changed. */
export class LatestOfMembers implements Kept<Fact, MembersFact> {
  readonly #latest = new Map<string, { readonly kind: MemberKind; readonly member: Member }>()
  /** Of members that still exist. */
  readonly #lastTold = new Map<string, MemberKind>()

  put(fact: Fact): boolean {
    if (!('member' in fact) || !memberKinds.includes(fact.kind)) return false
    this.#latest.set(fact.member.name, fact)
    return true
  }

  take(): MembersFact[] {
    const groups = new Map<MemberKind, Member[]>()
    for (const { kind, member } of this.#latest.values()) {
      const repeated = this.#lastTold.get(member.name) === kind && kind !== 'updated'
      if (kind === 'reaped') this.#lastTold.delete(member.name)
      else this.#lastTold.set(member.name, kind)
      if (!repeated) groups.set(kind, [...(groups.get(kind) ?? []), member])
    }
    this.#latest.clear()
    return Array.from(groups, ([kind, members]) => ({ kind, members }))
  }
}

/** Of the events that may be coalesced, those with the latest Lamport time of each name. */
export class LatestEvents implements Kept<Fact, ToldEvent> {
  readonly #latest = new Map<string, ToldEvent[]>()

  put(fact: Fact): boolean {
    if (fact.kind !== 'userEvent' || !fact.event.coalesce) return false
    const { event } = fact
    const known = this.#latest.get(event.name)
    const knownTime = known?.[0]?.lTime
    if (known === undefined || knownTime === undefined || event.lTime > knownTime) {
      this.#latest.set(event.name, [event])
    } else if (event.lTime === knownTime) known.push(event)
    return true
  }

  take(): ToldEvent[] {
    const events = [...this.#latest.values()].flat()
    this.#latest.clear()
    return events
  }
}
