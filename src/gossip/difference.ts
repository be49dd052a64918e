/**
 * What the answer to an exchange of state leaves out: that which whoever asked has just said itself. Two members that
 * agree, as they nearly always do, send the state of the cluster one way instead of both. To whoever merges it the answer
 * means the same.
 */

import { sameBytes } from './bytes.ts'
import type { PushPullNode, SerfPushPull } from './messages.ts'

type SerfState = Omit<SerfPushPull, 'kind'>

/** Names of which the two say different things, or only one says anything. */
export function differences(ours: readonly PushPullNode[], theirs: readonly PushPullNode[]): Set<string> {
  const known = new Map(ours.map((node) => [node.name, node]))
  const names = new Set(known.keys())
  for (const node of theirs) {
    const own = known.get(node.name)
    if (own && isSame(own, node)) names.delete(node.name)
    else names.add(node.name)
  }
  return names
}

/** Our part about members, clocks and events without what they said; all of it about those in `names`. */
export function withoutKnown(ours: SerfState, theirs: SerfState, names: ReadonlySet<string>): SerfState {
  const [ourLeft, theirLeft] = [new Set(ours.leftMembers), new Set(theirs.leftMembers)]
  const differs = (name: string) =>
    names.has(name) ||
    ours.statusLTimes.get(name) !== theirs.statusLTimes.get(name) ||
    ourLeft.has(name) !== theirLeft.has(name)
  const theirEvents = new Map(theirs.events.map(({ lTime, events }) => [lTime, events]))
  const events = ours.events.map(({ lTime, events }) => {
    const heard = theirEvents.get(lTime) ?? []
    return { lTime, events: events.filter((event) => !heard.some((other) => isSameEvent(event, other))) }
  })
  return {
    ...ours,
    statusLTimes: new Map([...ours.statusLTimes].filter(([name]) => differs(name))),
    leftMembers: ours.leftMembers.filter(differs),
    events: events.filter(({ events }) => events.length > 0),
  }
}

function isSame(a: PushPullNode, b: PushPullNode): boolean {
  return (
    a.incarnation === b.incarnation &&
    a.state === b.state &&
    a.port === b.port &&
    sameBytes(a.addr, b.addr) &&
    sameBytes(a.meta, b.meta) &&
    sameBytes(a.vsn, b.vsn)
  )
}

type SlotEvent = SerfPushPull['events'][number]['events'][number]

function isSameEvent(a: SlotEvent, b: SlotEvent): boolean {
  return a.name === b.name && sameBytes(a.payload, b.payload)
}
