import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Plan, planMaxBytes, planText, readPlan } from '../../src/simulation/plan.ts'
import { shrinkPlan } from '../../src/simulation/shrink-plan.ts'
import { drawSwarm, faultClasses } from '../../src/simulation/swarm.ts'

const hosts = ['node-1', 'node-2', 'node-3']
const drawn = (seed: number): Plan => {
  const { steps } = drawSwarm({ seed, hosts, durationMs: 300_000 })
  return { version: 1, was: 'broken', seed, hosts, durationMs: 300_000, clients: { topicKeepers: 1 }, steps }
}

describe('a plan', () => {
  test('of any swarm is the same after it was in a file', () => {
    const kinds = new Set<string>()
    for (let seed = 1; seed <= 100; seed++) {
      const plan = drawn(seed)
      for (const { kind } of plan.steps) kinds.add(kind)
      assert.deepEqual(readPlan(planText(plan)), { ok: true, value: plan })
    }
    assert.ok(kinds.size >= faultClasses.length, `${kinds.size} kinds were drawn`)
    const empty = { ...drawn(1), steps: [] }
    assert.deepEqual(readPlan(planText(empty)), { ok: true, value: empty })
  })

  test('that is none is refused, and why is said', () => {
    const plan = drawn(1)
    const refused = (text: string): string => {
      const read = readPlan(text)
      return read.ok ? 'read' : read.problem
    }
    const changed = (change: object): string => refused(JSON.stringify({ ...plan, ...change }))
    assert.match(refused('hello'), /not JSON/)
    assert.match(refused('null'), /this is no plan/)
    assert.match(refused(' '.repeat(planMaxBytes + 1)), /at most 16777216 bytes/)
    assert.match(changed({ version: 2 }), /version/)
    assert.match(changed({ more: 1 }), /more/)
    assert.match(changed({ hosts: [] }), /hosts/)
    assert.match(changed({ hosts: ['node-1', 'node-1', 'node-2', 'node-3'] }), /two hosts have one name/)
    assert.match(changed({ hosts: ['../../etc'] }), /hosts\.0/)
    assert.match(changed({ durationMs: 1e300 }), /durationMs/)
    const step = (fault: object): string => changed({ steps: [{ atMs: 1, ...fault }] })
    assert.match(step({ kind: 'explode', host: 'node-1' }), /steps\.0/)
    assert.match(step({ kind: 'kill' }), /steps\.0\.host/)
    assert.match(step({ kind: 'kill', host: 'node-1', extra: 1 }), /extra/)
    assert.match(step({ kind: 'partition', groups: [['node-1'], ['node-9']] }), /there is no host node-9/)
    assert.match(step({ kind: 'disk', host: 'node-1', trouble: { kind: 'full', freeBytes: -1 } }), /freeBytes/)
    const late = [
      { atMs: 2, kind: 'heal' },
      { atMs: 1, kind: 'heal' },
    ]
    assert.match(changed({ steps: late }), /steps\.1: comes before/)
  })
})

describe('a plan that fails', () => {
  /** Fails while node-2 is killed at some time after node-3 was cut off. */
  const fails = ({ hosts: left, steps }: Plan): boolean => {
    const cut = steps.findIndex((step) => step.kind === 'partition' && step.groups.flat().includes('node-3'))
    const kill = steps.findIndex((step) => step.kind === 'kill' && step.host === 'node-2')
    return left.includes('node-2') && cut >= 0 && cut < kill
  }
  const plan: Plan = {
    ...{ version: 1, seed: 1, hosts: ['node-1', ...hosts.slice(1), 'node-4'], durationMs: 300_000 },
    steps: [
      { atMs: 0, kind: 'start', host: 'node-1' },
      { atMs: 10, kind: 'kill', host: 'node-4' },
      { atMs: 20_000, kind: 'partition', groups: [['node-1', 'node-3'], ['node-4']], id: '1' },
      { atMs: 30_000, kind: 'heal', id: '1' },
      { atMs: 40_000, kind: 'kill', host: 'node-2' },
      { atMs: 200_000, kind: 'kill', host: 'node-1' },
    ],
  }

  test('becomes one of less time, fewer nodes and nothing but the steps that matter', async () => {
    const found: Plan[] = []
    const smallest = await shrinkPlan(plan, {
      stillFails: async (candidate) => fails(candidate),
      mayTry: () => true,
      found: (one) => found.push(one),
    })
    assert.deepEqual(smallest.hosts, ['node-2', 'node-3'])
    assert.deepEqual(smallest.steps, [
      { atMs: 20_000, kind: 'partition', groups: [['node-3']], id: '1' },
      { atMs: 40_000, kind: 'kill', host: 'node-2' },
    ])
    assert.ok(smallest.durationMs >= 40_000 && smallest.durationMs < 50_000, `${smallest.durationMs}`)
    assert.deepEqual(found.at(-1), smallest)
    assert.ok(found.every(fails))
  })

  test('is as small as it got when there is no more time, and stays what it is when nothing less fails', async () => {
    let tries = 0
    const some = await shrinkPlan(plan, {
      stillFails: async (candidate) => fails(candidate),
      mayTry: () => tries++ < 3,
    })
    assert.ok(fails(some) && some.steps.length < plan.steps.length && some.hosts.length === 4)
    assert.equal(await shrinkPlan(plan, { stillFails: async () => false, mayTry: () => true }), plan)
  })
})
