import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import type { NodeSettings } from '../../src/config.ts'
import { describeViolation } from '../../src/simulation/invariants.ts'
import { reeveClients, reeveNode } from '../../src/simulation/reeve-node.ts'
import { runScenario } from '../../src/simulation/scenario.ts'
import { drawSwarm } from '../../src/simulation/swarm.ts'

const hosts = ['a', 'b', 'c', 'd', 'e']
const log = pino({ level: 'silent' })

/** Five whole nodes: they join, crash, lose power, restart, are cut off and healed while clients write and read at each. */
function churn(seed: number, durationMs: number, settings: NodeSettings = {}, recordMaxBytes = 100) {
  const { steps } = drawSwarm({ seed, hosts, durationMs })
  return runScenario({
    seed,
    hosts,
    steps,
    durationMs,
    startNode: reeveNode({ log, settings }),
    clients: reeveClients(settings),
    topics: ['orders', 'payments'],
    recordMaxBytes,
  })
}

describe('a cluster of five nodes under churn', () => {
  it('keeps every promise, and does the same thing again for the same seed', async () => {
    const first = await churn(1, 20_000)
    assert.deepEqual(first.violations.map(describeViolation), [])
    assert.ok(first.acknowledged > 200, `only ${first.acknowledged} records were acknowledged`)
    assert.ok(new Set(first.steps.map(({ kind }) => kind)).size >= 4, 'the plan has several kinds of fault')
    const second = await churn(1, 20_000)
    assert.equal(second.traceHash, first.traceHash)
    assert.equal(second.acknowledged, first.acknowledged)
  })

  it('does something else for another seed, and keeps every promise again', async () => {
    const [one, other] = [await churn(2, 20_000), await churn(3, 15_000)]
    assert.deepEqual(one.violations.map(describeViolation), [])
    assert.deepEqual(other.violations.map(describeViolation), [])
    assert.notEqual(one.traceHash, other.traceHash)
  })

  it('does so while retention takes what is over a limit: copies begin anew, nothing comes back, all that is left agrees', async () => {
    const settings = { segmentMaxBytes: 64 * 1024, maxBatchBytes: 32 * 1024, retentionBytes: 300_000 }
    for (const seed of [5, 6]) {
      const { violations, acknowledged, gone } = await churn(seed, 40_000, settings, 20_000)
      assert.deepEqual(violations.map(describeViolation), [])
      assert.ok(gone > 0.3 * acknowledged, `only ${gone} of ${acknowledged} records went`)
      assert.ok(gone < acknowledged, 'not all of them')
    }
  })

  it('does so with encrypted gossip as well, sealed with nonces of the seed', async () => {
    const settings = { gossipKey: Buffer.alloc(32, 7).toString('base64'), gossipLabel: 'blue' }
    const [one, again] = [await churn(4, 8_000, settings), await churn(4, 8_000, settings)]
    assert.deepEqual(one.violations.map(describeViolation), [])
    assert.ok(one.acknowledged > 50, `only ${one.acknowledged} records were acknowledged`)
    assert.equal(again.traceHash, one.traceHash)
  })
})
