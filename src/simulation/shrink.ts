/** Makes a plan that fails shorter. */

import type { FaultStep } from './faults.ts'

/**
 * The shortest plan it can find that still fails, by leaving out ever smaller runs of steps (after Zeller's delta
 * debugging). `stillFails` replays a plan; at most `maxTries` times.
 */
export async function shrinkSteps(
  steps: readonly FaultStep[],
  stillFails: (steps: readonly FaultStep[]) => Promise<boolean>,
  maxTries = 200,
): Promise<FaultStep[]> {
  let shortest = [...steps]
  let tries = 0
  for (let run = Math.ceil(shortest.length / 2); run >= 1; run = run === 1 ? 0 : Math.ceil(run / 2)) {
    for (let from = 0; from < shortest.length && tries < maxTries; ) {
      const candidate = [...shortest.slice(0, from), ...shortest.slice(from + run)]
      tries++
      if (await stillFails(candidate)) shortest = candidate
      else from += run
    }
  }
  return shortest
}
