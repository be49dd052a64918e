/**
 * Who may do what, decided by casbin from a model and a policy handed in as text.
 *
 * Owns: the present policy and a bounded memory of its decisions.
 * Never: allows what no policy line allows, whatever is wrong with the files, the matcher or the request; reads files.
 */

import { Model, newEnforcer } from 'casbin'
import { ReeveError } from '../errors.ts'
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
  const enforcer = await buildEnforcer(model, rules)
  await refuseOpenModel(model)
  refuseFailingRules(enforcer, model, rules)
  const subjects = new Set(rules.map(({ key, values }) => values[key === 'p' ? model.fields.indexOf('sub') : 0]))
  const decisions = new Map<string, boolean>()
  return {
    authorize(subject, object, act) {
      // No act and no topic holds a NUL, so no two requests share a key.
      const key = `${act}\0${object}\0${subject}`
      const known = decisions.get(key)
      if (known !== undefined) return known
      const allowed = enforce(enforcer, subject, object, act)
      if (decisions.size === decisionsMax) decisions.delete(decisions.keys().next().value as string)
      decisions.set(key, allowed)
      return allowed
    },
    knows: (subject) => subjects.has(subject),
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
    if (error instanceof ReeveError) throw error
    throw aclError('model', model.matcherLine, error instanceof Error ? error.message : String(error), error)
  }
}

/** A matcher such as `true`, or one that forgets the subject, topic or act, grants what no line says. */
async function refuseOpenModel(model: AclModel): Promise<void> {
  const line = new Map([
    ['sub', 'nobody\u0001'],
    ['obj', 'nothing\u0001'],
    ['act', 'admin'],
    ['eft', 'allow'],
    ['priority', '1'],
  ])
  const rule = { key: 'p', values: model.fields.map((field) => line.get(field) as string), line: 0 }
  const probe = await buildEnforcer(model, [rule])
  const others = [
    ['somebody\u0001', 'nothing\u0001', 'admin'],
    ['nobody\u0001', 'something\u0001', 'admin'],
    ['nobody\u0001', 'nothing\u0001', 'produce'],
  ] as const
  for (const [subject, object, act] of others) {
    if (tryEnforce(probe, subject, object, act, () => aclErrorOfMatcher(model))) {
      throw aclError('model', model.matcherLine, 'the matcher allows what no policy line allows')
    }
  }
}

/** Asks for exactly what each line speaks of, so that a line casbin chokes on is found now and by its number. */
function refuseFailingRules(enforcer: Enforcer, model: AclModel, rules: readonly PolicyRule[]): void {
  const [sub, obj, act] = ['sub', 'obj', 'act'].map((field) => model.fields.indexOf(field)) as [number, number, number]
  const seen = new Set<string>()
  for (const { key, values, line } of rules) {
    if (key !== 'p' || seen.size === probesMax) continue
    const request = [values[sub], values[obj], values[act]] as [string, string, string]
    if (seen.has(request.join('\0'))) continue
    seen.add(request.join('\0'))
    tryEnforce(enforcer, ...request, (problem, cause) => aclError('policy', line, problem, cause))
  }
}

/** Probing every line against every line would take minutes for the longest policies. */
const probesMax = 200

function aclErrorOfMatcher(model: AclModel): ReeveError {
  return aclError('model', model.matcherLine, 'the matcher cannot be evaluated')
}

function tryEnforce(
  enforcer: Enforcer,
  subject: string,
  object: string,
  act: string,
  failed: (problem: string, cause: unknown) => ReeveError,
): boolean {
  try {
    return enforcer.enforceSync(subject, object, act) === true
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error), error)
  }
}

function enforce(enforcer: Enforcer, subject: string, object: string, act: Act): boolean {
  if (!acts.includes(act)) return false
  try {
    return enforcer.enforceSync(subject, object, act) === true
  } catch {
    return false
  }
}
