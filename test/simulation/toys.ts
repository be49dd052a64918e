/** Toy nodes through a minute and a half of churn; as a program (`toys.ts SEED`) it prints what two processes compare. */

import { fileURLToPath } from 'node:url'
import type { FaultStep } from '../../src/simulation/faults.ts'
import type { RunObserver } from '../../src/simulation/run-observer.ts'
import { runScenario, type ScenarioResult } from '../../src/simulation/scenario.ts'
import { drawSwarm } from '../../src/simulation/swarm.ts'
import { type PlantedBug, startToyNode } from './toy-node.ts'

/** What a toy survives: it has no gossip, no name but its host's and no idea of a disk that fails. */
export const toyFaults = [
  ...['partition', 'bridge', 'block', 'flap', 'half-open', 'resets', 'refused', 'weather', 'bandwidth'],
  ...['kill', 'crash', 'power-off', 'leave', 'pause', 'stall', 'clock', 'drift', 'disk-slow', 'disk-hang', 'join'],
]

export function runToys(
  seed: number,
  options: {
    bug?: PlantedBug
    hosts?: readonly string[]
    durationMs?: number
    lullMs?: number
    steps?: readonly FaultStep[]
    observer?: RunObserver
  } = {},
): Promise<ScenarioResult> {
  const { hosts = ['a', 'b', 'c', 'd', 'e'], durationMs = 90_000, lullMs } = options
  return runScenario({
    seed,
    hosts,
    steps: options.steps ?? drawSwarm({ seed, hosts, durationMs, gapMs: 4_000, only: toyFaults }).steps,
    durationMs,
    ...(lullMs !== undefined && { lullMs }),
    settleMs: 60_000,
    writePauseMs: 1_000,
    startNode: (context) => startToyNode(context, options.bug),
    ...(options.observer && { observer: options.observer }),
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await runToys(Number(process.argv[2]))
  process.stdout.write(`${result.traceHash} ${result.events} ${result.acknowledged}\n`)
}
