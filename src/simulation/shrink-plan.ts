/** Makes a plan that fails smaller: less time, fewer nodes, fewer faults. */

import { hostsOf } from './fault-shape.ts'
import type { FaultStep } from './faults.ts'
import type { Plan } from './plan.ts'
import { shrinkSteps } from './shrink.ts'

export interface ShrinkOptions {
  /** Runs it and says whether it breaks what it is to break. */
  readonly stillFails: (plan: Plan) => Promise<boolean>
  /** Asked before each run; once false, what was found so far is the result. */
  readonly mayTry: () => boolean
  /** Told each smaller plan that still fails. */
  readonly found?: (plan: Plan) => void
}

const maxTriesForSteps = 400

export async function shrinkPlan(plan: Plan, { stillFails, mayTry, found }: ShrinkOptions): Promise<Plan> {
  let smallest = plan
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (!mayTry() || !(await stillFails(candidate))) return false
    smallest = candidate
    found?.(candidate)
    return true
  }
  // Time first, and nodes: each makes all later runs shorter.
  for (let before: Plan | undefined; before !== smallest && mayTry(); ) {
    before = smallest
    await shorten(() => smallest, attempt)
    for (const host of [...smallest.hosts].reverse())
      if (smallest.hosts.length > 1) await attempt(without(smallest, host))
    const whole = smallest
    await shrinkSteps(whole.steps, (steps) => attempt({ ...whole, steps }), maxTriesForSteps)
  }
  return smallest
}

async function shorten(smallest: () => Plan, attempt: (plan: Plan) => Promise<boolean>): Promise<void> {
  for (let share = 0.5; share < 0.95; ) {
    const plan = smallest()
    const durationMs = Math.max(1, Math.round(plan.durationMs * share))
    const steps = plan.steps.filter(({ atMs }) => atMs <= durationMs)
    if (durationMs >= plan.durationMs || !(await attempt({ ...plan, durationMs, steps }))) share = (share + 1) / 2
  }
}

/** A host less: it is in no group any more, and what was about it alone does not happen. */
function without(plan: Plan, host: string): Plan {
  const steps = plan.steps.flatMap((step): FaultStep[] => {
    if (!hostsOf(step).includes(host)) return [step]
    if (step.kind !== 'partition' && step.kind !== 'bridge' && step.kind !== 'flap') return []
    const left = (groups: readonly (readonly string[])[]): string[][] =>
      groups.map((group) => group.filter((name) => name !== host)).filter((group) => group.length > 0)
    const parts = left('groups' in step ? step.groups : step.sides)
    if (parts.length === 0) return []
    return [step.kind === 'partition' ? { ...step, groups: parts } : { ...step, sides: parts }]
  })
  return { ...plan, hosts: plan.hosts.filter((name) => name !== host), steps }
}
