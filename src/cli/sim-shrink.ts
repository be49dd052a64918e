/** `reeve sim --shrink`: a run that broke a promise, made as small as it can be within a time. */

import { describeViolation } from '../simulation/invariants.ts'
import type { Plan } from '../simulation/plan.ts'
import type { ScenarioResult } from '../simulation/scenario.ts'
import { shrinkPlan } from '../simulation/shrink-plan.ts'
import { counted } from './output.ts'
import { simulate } from './sim-run.ts'

/** What broke: another promise broken by a smaller plan is another run. */
export function kindsOf({ violations }: Pick<ScenarioResult, 'violations'>): ReadonlySet<string> {
  return new Set(violations.map(({ kind }) => kind))
}

/** A plan that breaks one of these promises; `was` says how. Its smallest form that was found within the time. */
export async function shrunk(plan: Plan, kinds: ReadonlySet<string>, limitMs: number): Promise<Plan> {
  const untilMs = performance.now() + limitMs
  let tries = 0
  let broken = plan.was
  const progress = (smallest: Plan): void => {
    if (process.stderr.isTTY) process.stderr.write(`\x1b[K${tries} tries: ${sizeOf(smallest)}\r`)
  }
  let smallest = plan
  progress(plan)
  await shrinkPlan(plan, {
    mayTry: () => performance.now() < untilMs,
    stillFails: async (candidate) => {
      tries++
      const { result } = await simulate({ plan: candidate, swarm: '' })
      progress(smallest)
      const first = result.violations.find(({ kind }) => kinds.has(kind))
      if (first) broken = describeViolation(first)
      return first !== undefined
    },
    found: (found) => {
      smallest = found
      progress(found)
    },
  })
  if (process.stderr.isTTY) process.stderr.write('\x1b[K')
  return { ...smallest, ...(broken !== undefined && { was: broken }) }
}

/** `3 nodes, 2 faults, 12 s`, for people. */
export function sizeOf({ hosts, steps, durationMs }: Plan): string {
  return `${counted(hosts.length, 'node')}, ${counted(steps.length, 'step')}, ${(durationMs / 1000).toFixed(1)} s`
}
