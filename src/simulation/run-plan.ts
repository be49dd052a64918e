/** A plan, run with whole nodes. */

import { pino } from 'pino'
import type { Plan } from './plan.ts'
import { reeveClients, reeveNode } from './reeve-node.ts'
import type { RunObserver } from './run-observer.ts'
import type { RunTrace } from './run-trace.ts'
import { runScenario, type ScenarioResult } from './scenario.ts'

export interface Onlookers {
  readonly observer?: RunObserver
  /** Gets what the inspector of each node records; to be an observer, too. */
  readonly runTrace?: RunTrace
}

/**
 * A member with the times of a wide network that missed that a name is gone finds out alone, and nobody confirms: up to two
 * rounds of probing and the longest suspicion of 180 s, where one of a local network takes 24 s.
 */
const wideSettleMs = 300_000
/** Where nodes write by themselves, every so many records are to be on two disks. */
const twoCopiesEvery = 4

export async function runPlan(plan: Plan, { observer, runTrace }: Onlookers = {}): Promise<ScenarioResult> {
  const { version, was, gone, clients, settings = {}, ...run } = plan
  const node = { log: pino({ level: 'silent' }), settings, ...(runTrace && { runTrace }) }
  const result = await runScenario({
    topics: ['orders', 'payments'],
    ...run,
    ...(isWide(plan) && plan.steps.some(({ kind }) => kind === 'rename') && { settleMs: wideSettleMs }),
    startNode: reeveNode({ ...node, ...(!clients && { twoCopiesEvery }) }),
    ...(clients && { clients: reeveClients(settings, clients) }),
    ...(observer && { observer }),
  })
  if (gone === undefined || result.gone === gone) return result
  const reason = `${result.gone} acknowledged records are gone, and not ${gone}`
  return { ...result, violations: [...result.violations, { kind: 'finallyEverywhere', node: 'all nodes', reason }] }
}

function isWide({ settings = {}, steps }: Plan): boolean {
  const all = [settings, ...steps.flatMap((step) => (step.kind === 'settings' ? [step.settings] : []))]
  return all.some((one) => 'profile' in one && one.profile === 'wan')
}
