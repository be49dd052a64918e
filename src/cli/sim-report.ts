/** What `reeve sim` prints of a run. */

import { describeStep } from '../simulation/describe-fault.ts'
import { describeViolation } from '../simulation/invariants.ts'
import type { ScenarioResult } from '../simulation/scenario.ts'
import type { Dealt } from './dealt-runs.ts'
import { grouped } from './output.ts'

export interface SimRun {
  /** What there was to go wrong, in a line. */
  readonly swarm: string
  readonly result: ScenarioResult
}

export function inWords(dealt: Dealt<SimRun>, withPlan: boolean): string {
  if ('failure' in dealt) return `seed ${dealt.seed}: no run came of it: ${dealt.failure}\n`
  return report(dealt.run.swarm, dealt.run.result, withPlan)
}

export function inJson(dealt: Dealt<SimRun>): string {
  if ('failure' in dealt) return `${JSON.stringify(dealt)}\n`
  const { violations, ...result } = dealt.run.result
  return `${JSON.stringify({ swarm: dealt.run.swarm, ...result, violations: violations.map(describeViolation) })}\n`
}

/** `every promise kept`, `2 promises broken`. */
export function verdictOf({ violations }: Pick<ScenarioResult, 'violations'>): string {
  if (violations.length === 0) return 'every promise kept'
  return violations.length === 1 ? '1 promise broken' : `${violations.length} promises broken`
}

function report(swarm: string, result: ScenarioResult, withPlan: boolean): string {
  const { seed, acknowledged, unacknowledged, violations, simulatedMs, realMs, events, traceHash, steps } = result
  const plan = withPlan ? steps.map((step) => `  ${describeStep(step)}\n`).join('') : ''
  const found = violations.map((violation) => `  broken: ${describeViolation(violation)}\n`).join('')
  return (
    `seed ${seed}: ${verdictOf(result)}; ${grouped(acknowledged)} records acknowledged, ${grouped(unacknowledged)} not; ` +
    `${steps.length} faults and recoveries, ${grouped(events)} events, ${minutes(simulatedMs)} simulated in ${(realMs / 1000).toFixed(1)} s ` +
    `(${Math.round(simulatedMs / realMs)}×); trace ${traceHash}\n  ${swarm}\n${plan}${found}`
  )
}

function minutes(ms: number): string {
  return `${(ms / 60_000).toFixed(1)} minutes`
}
