/** Which events a stream carries: a comma list as in the filters of Serf's event handlers. */

const memberEvents = ['member-join', 'member-leave', 'member-failed', 'member-update', 'member-reap'] as const
export type MemberEventName = (typeof memberEvents)[number]

/** `user` and `query` events have a name of their own besides. */
export type EventFilter = (event: MemberEventName | 'user' | 'query', name?: string) => boolean

/** `member-join,user:deploy`; empty or `*`: everything. Undefined: not such a list. */
export function parseEventFilter(text: string): EventFilter | undefined {
  const wanted = new Set((text === '' ? '*' : text).split(',').map((part) => part.trim()))
  if (![...wanted].every(isKnown)) return undefined
  return (event, name) => wanted.has('*') || wanted.has(event) || (name !== undefined && wanted.has(`${event}:${name}`))
}

function isKnown(part: string): boolean {
  if (part === '*' || part === 'user' || part === 'query') return true
  return (memberEvents as readonly string[]).includes(part) || /^(user|query):./s.test(part)
}
