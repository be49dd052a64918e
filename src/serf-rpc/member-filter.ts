import { ReeveError } from '../errors.ts'
import type { Member } from '../gossip/member.ts'
import { compilePattern } from '../gossip/pattern.ts'

/** Regular expressions in RE2's syntax that must match the whole; the empty one of name and status matches anything. */
export interface MemberPatterns {
  readonly name: string
  readonly status: string
  /** Of a tag that a member does not have, the value is empty. */
  readonly tags: ReadonlyMap<string, string>
}

/** Throws `REQUEST_MALFORMED`. Takes time in proportion to what it looks at, whatever the expressions. */
export function memberFilter({ name, status, tags }: MemberPatterns): (member: Member) => boolean {
  const namePattern = name === '' ? undefined : compile(name)
  const statusPattern = status === '' ? undefined : compile(status)
  const tagPatterns = [...tags].map(([tag, expression]) => [tag, compile(expression)] as const)
  return (member) =>
    (namePattern?.(member.name) ?? true) &&
    (statusPattern?.(member.status) ?? true) &&
    tagPatterns.every(([tag, pattern]) => pattern(member.tags.get(tag) ?? ''))
}

function compile(expression: string): (text: string) => boolean {
  const found = compilePattern(`^(?:${expression})$`)
  if (!found) throw new ReeveError('REQUEST_MALFORMED', `Failed to compile regex: ${expression.slice(0, 100)}`)
  return found
}
