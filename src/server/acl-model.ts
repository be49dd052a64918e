/**
 * Reads a casbin model (https://casbin.org/docs/syntax-for-models) strictly: casbin itself ignores what it does not
 * know, and some models it accepts allow by default.
 */

import type { AclLine } from './acl-text.ts'
import { aclError, aclLines } from './acl-text.ts'

const defaultMatcher = 'g(r.sub, p.sub) && topicMatch(r.obj, p.obj) && r.act == p.act'

/**
 * Used when only a policy file is given. Lines `p, SUBJECT, TOPIC, ACT` allow; `g, SUBJECT, ROLE` makes a subject a
 * member of a role; `p, SUBJECT, TOPIC, ACT, deny` outweighs every allow.
 */
export const defaultModelText = `[request_definition]
r = sub, obj, act

[policy_definition]
p = sub, obj, act, eft

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = ${defaultMatcher}
`

export interface AclModel {
  /** Section letter, key and value of every definition, in the file's order. */
  readonly definitions: readonly AclDefinition[]
  /** Fields of a `p` line, behind the `p`. */
  readonly fields: readonly string[]
  /** `g`, `g2` … to the number of fields of such a line. */
  readonly roles: ReadonlyMap<string, number>
  /** Line of the matcher, for what goes wrong in it later. */
  readonly matcherLine: number
  /** Whether its matcher is the default one, of which it is known what a line must be to match ever. */
  readonly isKnown: boolean
}

export interface AclDefinition {
  readonly section: 'r' | 'p' | 'g' | 'e' | 'm'
  readonly key: string
  readonly value: string
  readonly line: number
}

const sections = new Map<string, AclDefinition['section']>([
  ['request_definition', 'r'],
  ['policy_definition', 'p'],
  ['role_definition', 'g'],
  ['policy_effect', 'e'],
  ['matchers', 'm'],
])

/** Those of casbin's effects that deny what no line allows. */
const effects = new Set([
  'some(where (p.eft == allow))',
  'some(where (p.eft == allow)) && !some(where (p.eft == deny))',
  'priority(p.eft) || deny',
])

/**
 * What a matcher may call: `topicMatch` is ours, the rest casbin's. To casbin an unknown function is merely undefined;
 * behind a `!` that would allow. `eval` would run policy lines as code.
 */
const functions = new Set([
  'topicMatch',
  ...['keyMatch', 'keyMatch2', 'keyMatch3', 'keyMatch4', 'keyMatch5', 'regexMatch', 'globMatch', 'in'],
])

const required = ['sub', 'obj', 'act']
const optional = ['eft', 'priority']

/** Throws `ACL_INVALID`. */
export function parseAclModel(text: string): AclModel {
  const definitions = readDefinitions(aclLines('model', text))
  const only = (section: AclDefinition['section']): AclDefinition => {
    const found = definitions.filter((each) => each.section === section)
    const name = [...sections].find(([, letter]) => letter === section)?.[0]
    if (!found[0]) throw aclError('model', undefined, `the section [${name}] is missing`)
    if (found[1]) throw aclError('model', found[1].line, `more than one definition in [${name}]`)
    if (found[0].key !== section) throw aclError('model', found[0].line, `"${found[0].key}" should be "${section}"`)
    return found[0]
  }

  const request = only('r')
  if (commaList(request.value).join() !== required.join()) {
    throw aclError('model', request.line, 'a request must be "sub, obj, act"')
  }
  const policy = only('p')
  const fields = commaList(policy.value)
  const proper = fields.every((field) => required.includes(field) || optional.includes(field))
  if (!proper || new Set(fields).size !== fields.length || !required.every((field) => fields.includes(field))) {
    throw aclError('model', policy.line, 'a policy must consist of sub, obj and act, and may have eft and priority')
  }
  const effect = only('e')
  if (!effects.has(effect.value)) {
    throw aclError(
      'model',
      effect.line,
      `this effect does not deny by default; allowed are ${[...effects].join(' | ')}`,
    )
  }
  const roles = new Map<string, number>()
  for (const { section, key, value, line } of definitions) {
    if (section !== 'g') continue
    const parts = commaList(value)
    if (!/^g\d*$/.test(key) || parts.length < 2 || parts.length > 3 || parts.some((part) => part !== '_')) {
      throw aclError('model', line, 'a role definition must be like "g = _, _"')
    }
    roles.set(key, parts.length)
  }
  const matcher = only('m')
  for (const [, name] of matcher.value.matchAll(/([A-Za-z_]\w*)\s*\(/g)) {
    if (functions.has(name as string) || roles.has(name as string)) continue
    throw aclError('model', matcher.line, `unknown function "${name}" in the matcher`)
  }
  return { definitions, fields, roles, matcherLine: matcher.line, isKnown: matcher.value === defaultMatcher }
}

function readDefinitions(lines: readonly AclLine[]): AclDefinition[] {
  const definitions: AclDefinition[] = []
  const seen = new Set<string>()
  let section: AclDefinition['section'] | undefined
  let continued = ''
  for (const { number, text } of lines) {
    const head = continued === '' ? /^\[(.*)\]$/.exec(text) : null
    if (head) {
      section = sections.get(head[1] as string)
      if (!section) throw aclError('model', number, `unknown section ${text}`)
      if (seen.has(section)) throw aclError('model', number, `the section ${text} stands here twice`)
      seen.add(section)
      continue
    }
    if (!section) throw aclError('model', number, 'a definition before the first section')
    if (text.endsWith('\\')) {
      continued += `${text.slice(0, -1).trim()} `
      continue
    }
    const match = /^([a-z]\d*)\s*=\s*(.+)$/.exec(continued + text)
    continued = ''
    if (!match) throw aclError('model', number, 'neither a section nor a definition like "m = …"')
    const key = match[1] as string
    if (definitions.some((each) => each.key === key)) throw aclError('model', number, `"${key}" is defined twice`)
    const value = (match[2] as string).replace(/\s+#.*$/, '').replace(/\s+/g, ' ')
    definitions.push({ section, key, value, line: number })
  }
  if (continued !== '') throw aclError('model', lines.at(-1)?.number, 'the last line is continued, but nothing follows')
  return definitions
}

function commaList(text: string): string[] {
  return text.split(',').map((part) => part.trim())
}
