/** A Serf member alone: no log, no server. What programs import as `reeve/serf`. */

import { hostname } from 'node:os'
import { type Logger, pino } from 'pino'
import { z } from 'zod'
import { type Gossip, type GossipConfig, type GossipFact, type GossipOptions, startGossip } from './actors/gossip.ts'
import { openSnapshot } from './actors/snapshot-file.ts'
import { parseAddress } from './address.ts'
import { createRealEnv } from './env/real.ts'
import { ReeveError, toReeveError } from './errors.ts'
import { parseKey } from './gossip/keys.ts'
import { profiles } from './gossip/profile.ts'

export type { GossipFact as MemberFact } from './actors/gossip.ts'
export type { KeyResult, Query, QueryAnswer, QueryOptions, ReceivedQuery, SerfKeys } from './actors/serf-member.ts'
export { type ErrorCode, ReeveError } from './errors.ts'
export type { Coordinate } from './gossip/coordinate.ts'
export type { Member, MemberStatus } from './gossip/member.ts'

const address = z.string().transform((text, context) => {
  const at = parseAddress(text)
  if (!at) context.addIssue({ code: 'custom', message: `needs host:port, not ${JSON.stringify(text)}` })
  return at ?? z.NEVER
})

const key = z.string().transform((text, context) => {
  const decoded = parseKey(text)
  if (!decoded.ok) context.addIssue({ code: 'custom', message: 'needs base64 of 16, 24 or 32 bytes' })
  return decoded.ok ? decoded.value : z.NEVER
})

const settingsSchema = z.strictObject({
  /** Unique in the cluster; default: the host name. */
  name: z.string().min(1).max(128).optional(),
  /** Where to listen, UDP and TCP; default 127.0.0.1:7946, port 0: the system picks. */
  bind: address.optional(),
  /** Where the others reach us, when that is not where we listen. */
  advertise: address.optional(),
  tags: z.record(z.string(), z.string()).optional(),
  /** Timing for a local network, the internet, or one machine; all members use the same. Default lan. */
  profile: z.enum(['lan', 'wan', 'local']).optional(),
  /** The cluster's key; default: no encryption. */
  encryptKey: key.optional(),
  /**
   * A file in Serf's format to remember the cluster by: members that it names are joined again in the background, and
   * no event that was told before is told again. Its folder must exist. Default: nothing is remembered.
   */
  snapshotPath: z.string().min(1).optional(),
  /** Whether a member that left is to know its cluster when it starts again; one that crashed does. Default false. */
  rejoinAfterLeave: z.boolean().optional(),
})

export type MemberSettings = z.input<typeof settingsSchema>

/** The fact of one kind. */
export type FactOf<K> = GossipFact extends infer F
  ? F extends { readonly kind: infer Kinds }
    ? K extends Kinds
      ? F & { readonly kind: K }
      : never
    : never
  : never

export interface SerfMember extends Gossip {
  /**
   * Calls the listener with every fact of this kind from now on; returns what stops that. A listener that throws is
   * logged and does no harm.
   */
  on<K extends GossipFact['kind']>(kind: K, listener: (fact: FactOf<K>) => void): () => void
}

/**
 * A running member of a Serf cluster, alone in it until it joins. `log` default: warnings and errors as JSON on stderr.
 * Rejects with `CONFIG_INVALID`, `ADDRESS_UNUSABLE` or, where the snapshot cannot be read, `DATA_DIR_UNUSABLE`.
 *
 * ```ts
 * const member = await createMember({ name: 'web-1', bind: '10.0.0.5:7946', tags: { role: 'web' } })
 * member.on('joined', ({ member: other }) => console.log(other.name, other.tags.get('role')))
 * member.on('query', ({ query }) => query.name === 'load' && query.respond(Buffer.from('0.3')))
 * await member.join(['10.0.0.4:7946'])
 * await member.sendEvent('deploy', Buffer.from('v2'))
 * for await (const answer of member.query('load')) {
 *   if (answer.kind === 'response') console.log(answer.from, String(answer.payload))
 * }
 * await member.leave()
 * member.close()
 * ```
 */
export async function createMember(
  settings: MemberSettings = {},
  options: { log?: Logger; env?: GossipOptions['env'] } = {},
): Promise<SerfMember> {
  const { config, snapshotPath: path, rejoinAfterLeave = false } = read(settings)
  const log = options.log ?? pino({ level: 'warn', base: { member: config.name } }, pino.destination(2))
  const listeners = new Map<string, Set<(fact: never) => void>>()
  const emit = (fact: GossipFact) => {
    for (const listener of [...(listeners.get(fact.kind) ?? [])]) {
      try {
        listener(fact as never)
      } catch (error) {
        log.error({ err: error, fact: fact.kind }, 'a listener threw')
      }
    }
  }
  const env = options.env ?? createRealEnv()
  const snapshot = path === undefined ? undefined : openSnapshot({ env, log, path, rejoinAfterLeave })
  const gossip = await startGossip({ env, log, config, emit, ...(snapshot && { snapshot }) })
  // Those who do not answer are tried again from time to time anyway.
  gossip.rejoin().catch((error: unknown) => log.info({ reason: toReeveError(error).message }, 'could not rejoin yet'))
  const on: SerfMember['on'] = (kind, listener) => {
    const ofKind = listeners.get(kind) ?? new Set()
    listeners.set(kind, ofKind.add(listener))
    return () => void ofKind.delete(listener)
  }
  return Object.assign(gossip, { on })
}

function read(settings: MemberSettings) {
  const parsed = settingsSchema.safeParse(settings)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      [path.join('.'), message].filter(Boolean).join(': '),
    )
    throw new ReeveError('CONFIG_INVALID', problems.join('\n'))
  }
  const { name = hostname(), bind, advertise, tags = {}, profile = 'lan', encryptKey, ...memory } = parsed.data
  const config: GossipConfig = {
    name,
    bind: bind ?? { host: '127.0.0.1', port: 7946 },
    ...(advertise && { advertise }),
    tags: new Map(Object.entries(tags)),
    profile: profiles[profile],
    compression: true,
    ...(encryptKey && { encryption: { source: { key: encryptKey }, acceptPlain: false, sendPlain: false } }),
  }
  return { config, ...memory }
}
