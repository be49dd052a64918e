import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { describeViolation } from '../../src/simulation/invariants.ts'
import { reeveNode } from '../../src/simulation/reeve-node.ts'
import { runPlan } from '../../src/simulation/run-plan.ts'
import { runScenario, type ScenarioResult } from '../../src/simulation/scenario.ts'
import { describeSwarm, drawSwarm, faultClasses } from '../../src/simulation/swarm.ts'

const hosts = ['a', 'b', 'c', 'd']
const log = pino({ level: 'silent' })

/** All of these classes at once; `notes` is what the world and the charts said. */
async function under(only: readonly string[], seed: number): Promise<ScenarioResult & { notes: string[] }> {
  const durationMs = 40_000
  const notes: string[] = []
  const swarm = drawSwarm({ seed, hosts, durationMs, only, gapMs: 2_000 })
  const result = await runScenario({
    seed,
    hosts,
    steps: swarm.steps,
    durationMs,
    startNode: reeveNode({ log, twoCopiesEvery: 4 }),
    topics: ['orders', 'payments'],
    world: { watch: (line) => line.includes(' note ') && notes.push(line) },
  })
  assert.deepEqual(result.violations.map(describeViolation), [], `seed ${seed}: ${describeSwarm(swarm)}`)
  assert.ok(result.acknowledged > 50, `only ${result.acknowledged} records were acknowledged`)
  return { ...result, notes }
}

const groups: Readonly<Record<string, readonly string[]>> = {
  'networks that fail': [
    ...['partition', 'bridge', 'block', 'flap', 'half-open', 'resets', 'refused', 'weather', 'bandwidth'],
  ],
  'processes and machines that end, stop and go on': ['kill', 'crash', 'power-off', 'leave', 'pause', 'stall', 'join'],
  'rooms without power': ['blackout', 'kill', 'disk-slow', 'join'],
  'clocks that are wrong': ['clock', 'drift', 'crash', 'mixed'],
  'disks that fail, fill up, hang and go read-only': [
    ...['io-errors', 'disk-full', 'read-only', 'disk-slow', 'disk-hang', 'crash'],
  ],
  'disks that lie and rot': ['lying-disk', 'bit-rot', 'power-off', 'kill'],
  'machines with other disks': ['wipe', 'restore', 'clone'],
  'nodes under other names and addresses': ['rename', 'address', 'force-leave'],
  'keys, certificates and rules that change': ['keys', 'certificates', 'access', 'kill'],
}

describe('four whole nodes keep every promise under', () => {
  for (const [name, classes] of Object.entries(groups)) {
    it(`${name}, and do the same again for the same seed`, async () => {
      const one = await under(classes, 1)
      assert.equal((await under(classes, 1)).traceHash, one.traceHash)
    })
  }

  it('a blackout, in which nobody runs any more', async () => {
    const durationMs = 40_000
    const { steps } = drawSwarm({ seed: 1, hosts, durationMs, only: ['blackout'], gapMs: 2_000 })
    const result = await runPlan({ version: 1, seed: 1, hosts, durationMs, clients: { topicKeepers: 0 }, steps })
    assert.deepEqual(result.violations.map(describeViolation), [])
    assert.ok((result.sometimes.everybodyDown ?? 0) > 0)
  })

  it('and every class is among these', () => {
    assert.deepEqual([...new Set(Object.values(groups).flat())].sort(), [...faultClasses].sort())
  })
})
