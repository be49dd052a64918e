/** A run as plain data: all that is needed to have it again, as it is saved in a file and replayed. */

import { z } from 'zod'
import type { NodeSettings } from '../config.ts'
import type { Decoded } from '../decoded.ts'
import { hostsOf, longestMs, maxHosts, stepShape } from './fault-shape.ts'
import type { FaultStep } from './faults.ts'

export interface Plan {
  readonly version: 1
  /** What it is about, for people. */
  readonly was?: string
  readonly seed: number
  readonly hosts: readonly string[]
  /** Steps after it are not taken. */
  readonly durationMs: number
  /** So long a lull before all is healed (see `ScenarioOptions`). */
  readonly lullMs?: number
  /** Default: orders and payments. */
  readonly topics?: readonly string[]
  /** So many acknowledged records are gone in the end. Absent: as many as the faults excuse. */
  readonly gone?: number
  /** Of all nodes. */
  readonly settings?: NodeSettings
  /** Longest record that is written. */
  readonly recordMaxBytes?: number
  /** Clients write and read, besides so many that set and delete a topic. Absent: the nodes write by themselves. */
  readonly clients?: { readonly topicKeepers: number }
  readonly steps: readonly FaultStep[]
}

/** In bytes; a hundred times what a run of an hour needs. */
export const planMaxBytes = 16 * 1024 * 1024

const shape = z.strictObject({
  version: z.literal(1),
  was: z.string().max(10_000).optional(),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  hosts: z
    .array(z.string().regex(/^[\w.-]{1,128}$/, 'needs letters, digits, dots and dashes'))
    .min(1)
    .max(maxHosts),
  durationMs: z.number().min(1).max(longestMs),
  lullMs: z.number().min(1).max(longestMs).optional(),
  topics: z
    .array(z.string().regex(/^[\w.-]{1,128}$/))
    .min(1)
    .max(20)
    .optional(),
  gone: z.number().int().min(0).optional(),
  settings: z.record(z.string(), z.unknown()).optional(),
  recordMaxBytes: z
    .number()
    .int()
    .min(0)
    .max(1024 * 1024)
    .optional(),
  clients: z.strictObject({ topicKeepers: z.number().int().min(0).max(10) }).optional(),
  steps: z.array(stepShape).max(100_000),
})

export function readPlan(text: string): Decoded<Plan> {
  if (text.length > planMaxBytes) return { ok: false, problem: `a plan has at most ${planMaxBytes} bytes` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, problem: 'this is no plan: it is not JSON' }
  }
  const read = shape.safeParse(value)
  if (!read.success) {
    const [issue] = read.error.issues
    const where = issue?.path.join('.')
    return { ok: false, problem: `this is no plan: ${where ? `${where}: ` : ''}${issue?.message}` }
  }
  const plan = read.data as Plan
  const hosts = new Set(plan.hosts)
  if (hosts.size < plan.hosts.length) return { ok: false, problem: 'this is no plan: two hosts have one name' }
  for (const [index, step] of plan.steps.entries()) {
    const stranger = hostsOf(step).find((name) => !hosts.has(name))
    if (stranger !== undefined) {
      return { ok: false, problem: `this is no plan: steps.${index}: there is no host ${stranger}` }
    }
    if (index > 0 && step.atMs < plan.steps[index - 1]!.atMs) {
      return { ok: false, problem: `this is no plan: steps.${index}: comes before the one before it` }
    }
  }
  return { ok: true, value: plan }
}

/** For a file: one step a line. */
export function planText({ steps, ...plan }: Plan): string {
  const head = Object.entries(plan).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`)
  const lines = steps.map((step) => `\n    ${JSON.stringify(step)}`)
  return `{\n${head.join('')}  "steps": [${lines.join(',')}${lines.length > 0 ? '\n  ' : ''}]\n}\n`
}
