/** What streams carry: events of members, users and queries, as records. */

import type { ReceivedQuery, SerfFact } from '../actors/serf-member.ts'
import type { MembersFact } from '../gossip/coalesced-facts.ts'
import { parseIp } from '../gossip/ip.ts'
import type { Member } from '../gossip/member.ts'
import type { EventFilter, MemberEventName } from './event-filter.ts'
import { encode, type IpcMember, memberEventRecord, queryEventRecord, userEventRecord } from './wire.ts'

export type EventFact = MembersFact | Extract<SerfFact, { kind: 'userEvent' | 'query' }>

export const memberEventNames = {
  joined: 'member-join',
  updated: 'member-update',
  failed: 'member-failed',
  left: 'member-leave',
  reaped: 'member-reap',
} as const satisfies Record<string, MemberEventName>

/** The body of a record; undefined where the filter does not want it. `idOf`: a query's number on this connection. */
export function encodeEvent(
  fact: EventFact,
  wants: EventFilter,
  idOf: (query: ReceivedQuery) => bigint,
): Uint8Array | undefined {
  if (fact.kind === 'userEvent') {
    const { event } = fact
    return wants('user', event.name) ? encode(userEventRecord, { event: 'user', ...event }) : undefined
  }
  if (fact.kind === 'query') {
    const { query } = fact
    if (!wants('query', query.name)) return undefined
    const { name, payload, lTime } = query
    return encode(queryEventRecord, { event: 'query', id: idOf(query), name, payload, lTime })
  }
  const event = memberEventNames[fact.kind]
  return wants(event) ? encode(memberEventRecord, { event, members: fact.members.map(toIpcMember) }) : undefined
}

export function toIpcMember({ name, host, port, status, tags, vsn }: Member): IpcMember {
  const [protocolMin = 0, protocolMax = 0, protocolCur = 0, delegateMin = 0, delegateMax = 0, delegateCur = 0] = vsn
  return {
    ...{ name, addr: parseIp(host) ?? new Uint8Array(0), port, status, tags },
    ...{ protocolMin, protocolMax, protocolCur, delegateMin, delegateMax, delegateCur },
  }
}
