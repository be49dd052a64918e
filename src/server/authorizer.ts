/**
 * Who may do what, decided by casbin from a model and a policy handed in as text.
 *
 * Owns: the present policy and a bounded memory of its decisions.
 * Never: allows what no policy line allows, whatever is wrong with the files, the matcher or the request; reads files.
 */

import { Model, newEnforcer, setDefaultFileSystem } from 'casbin'
import type { AclModel } from './acl-model.ts'
import { defaultModelText, parseAclModel } from './acl-model.ts'
import type { Act, PolicyRule } from './acl-policy.ts'
import { acts, parseAclPolicy, topicMatch } from './acl-policy.ts'
import { aclError } from './acl-text.ts'

/** The object of what concerns no single topic. */
export const wholeCluster = '*'

export interface Authorizer {
  /** `object`: a topic name, or `wholeCluster`. Never throws. */
  authorize(subject: string, object: string, act: Act): boolean
  /** Whether any line speaks of this subject by name: it may see which nodes there are. */
  knows(subject: string): boolean
}

export interface ReplaceableAuthorizer extends Authorizer {
  /** Takes a new policy, at once for all calls. Throws `ACL_INVALID` and keeps the one it has. */
  replace(policyText: string): Promise<void>
}

// Models and policies come as text: casbin is to read no file, nor to load late, in real time, what does.
const noFile = (): never => {
  throw new Error('casbin reads and writes no files here')
}
setDefaultFileSystem({ readFileSync: noFile, writeFileSync: noFile })

type Enforcer = Awaited<ReturnType<typeof newEnforcer>>

/** Decisions remembered; the oldest goes first. A casbin decision costs 3 µs a policy line. */
const decisionsMax = 4096

/** Throws `ACL_INVALID` with the file and line in its facts. Without `modelText`: the default model. */
export async function createAuthorizer(files: {
  readonly modelText?: string
  readonly policyText: string
}): Promise<ReplaceableAuthorizer> {
  const model = parseAclModel(files.modelText ?? defaultModelText)
  let decide = await decider(model, parseAclPolicy(files.policyText, model))
  return {
    authorize: (subject, object, act) => decide.authorize(subject, object, act),
    knows: (subject) => decide.knows(subject),
    async replace(policyText) {
      decide = await decider(model, parseAclPolicy(policyText, model))
    },
  }
}

async function decider(model: AclModel, rules: readonly PolicyRule[]): Promise<Authorizer> {
  await refuseBadMatcher(model, rules)
  const enforcer = await buildEnforcer(model, rules)
  const subjects = new Set(rules.map(({ key, values }) => values[key === 'p' ? model.fields.indexOf('sub') : 0]))
  // casbin keeps callers and roles apart by nothing: a certificate for the name of a role would have all its rights.
  const roles = new Set(rules.flatMap(({ key, values }) => (key === 'p' ? [] : [values[1]])))
  const decisions = new Map<string, boolean>()
  return {
    authorize(subject, object, act) {
      if (roles.has(subject)) return false
      // No act and no topic holds a NUL, so no two requests share a key.
      const key = `${act}\0${object}\0${subject}`
      const known = decisions.get(key)
      if (known !== undefined) return known
      const allowed = enforce(enforcer, subject, object, act)
      if (decisions.size === decisionsMax) decisions.delete(decisions.keys().next().value as string)
      decisions.set(key, allowed)
      return allowed
    },
    knows: (subject) => subjects.has(subject) && !roles.has(subject),
  }
}

async function buildEnforcer(model: AclModel, rules: readonly PolicyRule[]): Promise<Enforcer> {
  const definitions = new Model()
  try {
    for (const { section, key, value } of model.definitions) definitions.addDef(section, key, value)
    const enforcer = await newEnforcer(definitions, {
      // Hands over what was checked line by line; casbin's own reader drops lines it does not understand.
      async loadPolicy(target: Model) {
        for (const { key, values } of rules)
          target.model
            .get(key[0] as string)
            ?.get(key)
            ?.policy.push([...values])
      },
    })
    await enforcer.addFunction('topicMatch', (topic: string, pattern: string) => topicMatch(topic, pattern))
    return enforcer
  } catch (error) {
    throw aclError('model', model.matcherLine, messageOf(error), error)
  }
}

/**
 * Tries the matcher on one line at a time, each with the request it speaks of, so that what cannot be evaluated is found
 * now and by its number. A matcher such as `true`, or one that forgets the subject, topic or act, grants what no line
 * says and is refused.
 */
async function refuseBadMatcher(model: AclModel, rules: readonly PolicyRule[]): Promise<void> {
  const enforcer = await buildEnforcer(model, [])
  const lines = enforcer.getModel().model.get('p')?.get('p')
  const ask = (line: readonly string[], ...request: readonly [string, string, string]) => {
    if (lines) lines.policy = [[...line]]
    return enforcer.enforceSync(...request) === true
  }
  const made = { sub: 'nobody\u0001', obj: 'nothing\u0001', act: 'admin', eft: 'allow', priority: '1' }
  const line = model.fields.map((field) => made[field as keyof typeof made])
  try {
    ask(line, made.sub, made.obj, made.act)
    const more =
      ask(line, 'somebody\u0001', made.obj, made.act) ||
      ask(line, made.sub, 'something\u0001', made.act) ||
      ask(line, made.sub, made.obj, 'produce')
    if (more) throw new Error('it allows what no policy line allows')
  } catch (error) {
    throw aclError('model', model.matcherLine, `the matcher is unusable: ${messageOf(error)}`, error)
  }
  const [sub, obj, act] = ['sub', 'obj', 'act'].map((field) => model.fields.indexOf(field)) as [number, number, number]
  for (const { key, values, line: number } of rules) {
    if (key !== 'p') continue
    try {
      ask(values, values[sub] as string, values[obj] as string, values[act] as string)
    } catch (error) {
      throw aclError('policy', number, `the matcher cannot work with it: ${messageOf(error)}`, error)
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function enforce(enforcer: Enforcer, subject: string, object: string, act: Act): boolean {
  if (!acts.includes(act)) return false
  try {
    return enforcer.enforceSync(subject, object, act) === true
  } catch {
    return false
  }
}
