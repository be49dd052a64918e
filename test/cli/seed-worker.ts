/** A process that is dealt seeds, in `sim.test.ts`: of some no run comes. */

import { takeSeeds } from '../../src/cli/dealt-runs.ts'

let runs = 0
await takeSeeds(async (seed) => {
  if (seed === 3) throw new Error('three is too many')
  if (seed === 5) process.exit(7)
  return { square: seed * seed, process: process.pid, runs: ++runs }
})
