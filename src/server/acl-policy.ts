/** Reads policy lines (https://casbin.org/docs/policy-storage) strictly, every one against the model. Pure. */

import type { AclModel } from './acl-model.ts'
import { aclError, aclLines } from './acl-text.ts'
import { problemOfSubject } from './identity.ts'

/** What a subject may do to a topic, or with topic `*` to the cluster. */
export const acts = ['produce', 'consume', 'replicate', 'inspect', 'admin'] as const
export type Act = (typeof acts)[number]

export interface PolicyRule {
  /** `p`, or `g`, `g2` … of the model. */
  readonly key: string
  readonly values: readonly string[]
  readonly line: number
}

/** Every request that is not in the cache walks over all of them, at 3 µs each. Roles keep policies short. */
const rulesMax = 2000

/** Throws `ACL_INVALID`. */
export function parseAclPolicy(text: string, model: AclModel): PolicyRule[] {
  const rules: PolicyRule[] = []
  for (const { number, text: line } of aclLines('policy', text)) {
    const fields = splitFields(line)
    if (typeof fields === 'string') throw aclError('policy', number, fields)
    const [key = '', ...values] = fields
    if (key === 'p') checkPolicy(values, model.fields, number)
    else checkRole(key, values, model, number)
    if (rules.length === rulesMax) throw aclError('policy', number, `more than ${rulesMax} lines`)
    rules.push({ key, values, line: number })
  }
  if (model.isKnown) refuseIdle(rules, model)
  if (!rules.some(({ key }) => key === 'p')) throw aclError('policy', undefined, 'no line allows anything')
  return rules
}

function checkPolicy(values: string[], fields: readonly string[], line: number): void {
  // "allow" may be left out where it would be the last field.
  if (fields.at(-1) === 'eft' && values.length === fields.length - 1) values.push('allow')
  if (values.length !== fields.length) {
    throw aclError('policy', line, `${values.length} fields behind "p" where the model has ${fields.join(', ')}`)
  }
  for (const [index, field] of fields.entries()) {
    const value = values[index] as string
    if (value === '') throw aclError('policy', line, `${field} is empty`)
    if (field === 'act' && !acts.includes(value as Act)) {
      throw aclError('policy', line, `unknown act "${value}"; there are ${acts.join(', ')}`)
    }
    if (field === 'eft' && value !== 'allow' && value !== 'deny') {
      throw aclError('policy', line, `unknown effect "${value}"; there are allow and deny`)
    }
    if (field === 'priority' && !/^\d{1,9}$/.test(value)) {
      throw aclError('policy', line, `the priority "${value}" is not a number`)
    }
    if (field === 'obj' && value.slice(0, -1).includes('*')) {
      throw aclError('policy', line, `"*" may only be the last character of a topic, not as in "${value}"`)
    }
  }
}

/** With the default matcher: a line whose subject nobody can ever be called is a mistake. */
function refuseIdle(rules: readonly PolicyRule[], { fields }: AclModel): void {
  const roles = new Set(rules.flatMap(({ key, values }) => (key === 'p' ? [] : [values[1]])))
  const sub = fields.indexOf('sub')
  for (const { key, values, line } of rules) {
    const subject = values[key === 'p' ? sub : 0] as string
    const problem = roles.has(subject) ? undefined : problemOfSubject(subject)
    if (problem !== undefined) throw aclError('policy', line, `the subject "${subject}" can be nobody: ${problem}`)
  }
}

function checkRole(key: string, values: readonly string[], model: AclModel, line: number): void {
  const arity = model.roles.get(key)
  if (arity === undefined) {
    throw aclError(
      'policy',
      line,
      `unknown kind of line "${key}"; there are ${['p', ...model.roles.keys()].join(', ')}`,
    )
  }
  if (values.length !== arity) throw aclError('policy', line, `${values.length} fields behind "${key}", not ${arity}`)
  if (values.includes('')) throw aclError('policy', line, 'an empty field')
}

/** Fields between commas, trimmed; one in double quotes may hold commas, and quotes when they are doubled. */
function splitFields(line: string): string[] | string {
  const fields: string[] = []
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y
  for (;;) {
    const match = pattern.exec(line)
    if (!match) return 'quotes that do not match'
    fields.push(match[1] === undefined ? (match[2] as string).trim() : match[1].replaceAll('""', '"'))
    if (match[3] === '') return fields
  }
}

/** Whether a policy's topic means this one: the same name, or all that begin with what stands before a final `*`. */
export function topicMatch(topic: string, pattern: string): boolean {
  return pattern.endsWith('*') ? topic.startsWith(pattern.slice(0, -1)) : topic === pattern
}
