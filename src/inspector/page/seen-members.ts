/** Each member, and how the nodes see it. Pure. */

import type { MemberFacts } from '../facts.ts'
import type { NodeReplay } from '../replay.ts'
import type { Status } from './swim-chart.ts'

export interface Seen {
  readonly name: string
  readonly address: string
  readonly tags: MemberFacts['tags']
  readonly counts: ReadonlyMap<Status, number>
  readonly by: readonly { readonly node: string; readonly status: Status; readonly rttMs: number | null }[]
  /** Of those who know one: the least and the most. */
  readonly rttMs: readonly [number, number] | undefined
  /** Its clock as those see it that copy from it: the reading farthest from theirs, ms ahead. */
  readonly skewMs: number | undefined
  /** The highest that anybody heard of. */
  readonly incarnation: number | undefined
}

/** By name. */
export function seenMembers(observers: readonly NodeReplay[]): Seen[] {
  const names = new Map<string, { observer: string; member: MemberFacts }[]>()
  for (const { node, facts } of observers) {
    for (const member of facts.members ?? []) {
      const seen = names.get(member.name)
      if (seen) seen.push({ observer: node, member })
      else names.set(member.name, [{ observer: node, member }])
    }
  }
  return [...names]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, seen]) => {
      const counts = new Map<Status, number>()
      for (const { member } of seen) counts.set(member.status, (counts.get(member.status) ?? 0) + 1)
      const rtts = seen.flatMap(({ observer, member }) =>
        member.rttMs === null || observer === name ? [] : member.rttMs,
      )
      const incarnations = seen.flatMap(({ member }) => member.incarnation ?? [])
      const [first] = seen
      return {
        name,
        address: first?.member.address ?? '',
        tags: first?.member.tags ?? {},
        counts,
        by: seen.map(({ observer, member }) => ({ node: observer, status: member.status, rttMs: member.rttMs })),
        rttMs: rtts.length === 0 ? undefined : ([Math.min(...rtts), Math.max(...rtts)] as const),
        skewMs: skewOf(observers, name),
        incarnation: incarnations.length === 0 ? undefined : Math.max(...incarnations),
      }
    })
}

function skewOf(observers: readonly NodeReplay[], name: string): number | undefined {
  const readings = observers.flatMap(({ facts }) => {
    const clock = facts.links?.find(({ peer }) => peer === name)?.clock
    return clock ? clock.skewMs : []
  })
  return readings.sort((one, other) => Math.abs(other) - Math.abs(one))[0]
}
