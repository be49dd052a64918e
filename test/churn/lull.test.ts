/** Whole clusters in which nobody writes for a while, before anything is healed: who reach each other have the same. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawPlan } from '../../src/cli/sim-run.ts'
import { describeViolation } from '../../src/simulation/invariants.ts'
import { runPlan } from '../../src/simulation/run-plan.ts'

/** Nothing that keeps a node from taking what it is given, or that comes and goes while all is to be quiet. */
const faults = ['partition', 'bridge', 'block', 'half-open', 'resets', 'kill', 'wipe', 'join']

test('islands of what is left of a cluster agree, be it through others, before all is healed', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const { plan } = drawPlan(seed, { nodes: { least: 3, most: 6 }, minutes: 0.3, faults })
    const { violations } = await runPlan({ ...plan, clients: { topicKeepers: 0 }, lullMs: 90_000 })
    assert.deepEqual(violations.map(describeViolation), [], `seed ${seed}`)
  }
})
