/** What a step of a plan looks like, for plans that come from files. */

import { z } from 'zod'
import type { FaultStep } from './faults.ts'

/** A day is more than any plan needs. */
export const longestMs = 86_400_000
export const maxHosts = 50

const ms = z.number().min(0).max(longestMs)
const share = z.number().min(0).max(1)
const host = z.string().regex(/^[\w.-]{1,128}$/)
const hosts = z.array(host).max(maxHosts)
const groups = z.array(hosts).min(1).max(maxHosts)
const id = z.string().min(1).max(64).optional()
const operation = z.enum(['open', 'read', 'write', 'sync', 'syncFolder', 'rename', 'remove', 'makeFolder'])

const weather = z
  .strictObject({
    delay: z.strictObject({ minMs: ms, maxMs: ms, tailChance: share, tailMs: ms }),
    ...{ loss: share, duplicate: share, reorder: share },
    bytesPerSecond: z.number().positive().max(1e12),
  })
  .partial()

const trouble = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('error'),
    operations: z.array(operation).max(8),
    code: z.string().regex(/^E[A-Z0-9]{1,20}$/),
    times: z.number().int().positive().optional(),
  }),
  z.strictObject({ kind: z.literal('readOnly') }),
  z.strictObject({ kind: z.literal('full'), freeBytes: z.number().min(0).max(1e15) }),
  z.strictObject({ kind: z.literal('slow'), upToMs: ms }),
  z.strictObject({ kind: z.literal('lying'), below: z.string().max(1000).optional() }),
])

const settings = z.record(z.string().max(64), z.unknown())

const step = <Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) =>
  z.strictObject({ atMs: ms, kind: z.literal(kind), ...shape })

export const stepShape = z.discriminatedUnion('kind', [
  step('partition', { groups, id }),
  step('bridge', { sides: groups, id }),
  step('block', { from: host, to: host, id }),
  step('flap', { sides: groups, downMs: ms.min(1), upMs: ms.min(1), id }),
  step('heal', { id }),
  step('weather', {
    ...{ weather, id },
    hosts: hosts.optional(),
    from: hosts.optional(),
    to: hosts.optional(),
  }),
  step('calm', { id }),
  step('halfOpen', { from: host, to: host }),
  step('reset', { host, peer: host.optional() }),
  step('refuse', { host }),
  step('accept', { host }),
  step('start', { host }),
  step('stop', { host }),
  step('kill', { host }),
  step('crash', { host }),
  step('powerOff', { host }),
  step('pause', { host }),
  step('resume', { host }),
  step('stall', { host, forMs: ms }),
  step('clock', { host, offsetMs: z.number().min(-longestMs).max(longestMs) }),
  step('drift', { host, ppm: z.number().min(-100_000).max(100_000) }),
  step('disk', { host, trouble, id }),
  step('diskHeals', { host, id }),
  step('hang', { host, forMs: ms }),
  step('rot', { host, share }),
  step('wipe', { host }),
  step('backUp', { host }),
  step('restore', { host }),
  step('clone', { host, from: host }),
  step('rename', { host, as: host }),
  step('swapAddresses', { host, other: host }),
  step('settings', { host: host.optional(), settings }),
  step('forceLeave', { host, of: host }),
  step('changeKey', { host }),
  step('certificate', {
    host,
    forMs: z
      .number()
      .min(-longestMs)
      .max(longestMs * 400),
  }),
  step('forbid', { host, hosts }),
])

/** All hosts that a step names. */
export function hostsOf(step: FaultStep): string[] {
  const named: string[] = []
  for (const key of ['host', 'from', 'to', 'peer', 'other', 'of', 'hosts', 'groups', 'sides'] as const) {
    const value = (step as unknown as Partial<Record<string, string | readonly (string | readonly string[])[]>>)[key]
    if (typeof value === 'string') named.push(value)
    else if (value !== undefined) named.push(...(value.flat() as string[]))
  }
  return named
}
