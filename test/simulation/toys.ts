/** Toy nodes through a minute and a half of churn; as a program (`toys.ts SEED`) it prints what two processes compare. */

import { fileURLToPath } from 'node:url'
import { type FaultStep, planChurn } from '../../src/simulation/faults.ts'
import { runScenario, type ScenarioResult } from '../../src/simulation/scenario.ts'
import { type PlantedBug, startToyNode } from './toy-node.ts'

export function runToys(
  seed: number,
  options: { bug?: PlantedBug; hosts?: readonly string[]; durationMs?: number; steps?: readonly FaultStep[] } = {},
): Promise<ScenarioResult> {
  const { hosts = ['a', 'b', 'c', 'd', 'e'], durationMs = 90_000 } = options
  return runScenario({
    seed,
    hosts,
    steps: options.steps ?? planChurn({ seed, hosts, durationMs }),
    durationMs,
    settleMs: 60_000,
    writePauseMs: 1_000,
    startNode: (context) => startToyNode(context, options.bug),
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await runToys(Number(process.argv[2]))
  process.stdout.write(`${result.traceHash} ${result.events} ${result.acknowledged}\n`)
}
