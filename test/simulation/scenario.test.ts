import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describeStep } from '../../src/simulation/describe-fault.ts'
import { describeViolation } from '../../src/simulation/invariants.ts'
import type { RunObserver } from '../../src/simulation/run-observer.ts'
import { runScenario, type ScenarioResult } from '../../src/simulation/scenario.ts'
import { shrinkSteps } from '../../src/simulation/shrink.ts'
import { type PlantedBug, startToyNode } from './toy-node.ts'
import { runToys } from './toys.ts'

const kindsOf = (result: ScenarioResult): string[] => [...new Set(result.violations.map((violation) => violation.kind))]

/** The first seed that finds the bug; every seed is a different world, so not each has to. */
async function find(bug: PlantedBug, kind: string, size = {}): Promise<ScenarioResult> {
  for (let seed = 1; seed <= 40; seed++) {
    const result = await runToys(seed, { bug, ...size })
    if (kindsOf(result).includes(kind)) return result
  }
  throw new Error(`nobody noticed that the node ${bug}`)
}

describe('a scenario', () => {
  test('of a sound node keeps every promise through the churn', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const result = await runToys(seed)
      assert.deepEqual(result.violations.map(describeViolation), [], `seed ${seed}`)
      assert.ok(result.acknowledged > 100, `seed ${seed}: ${result.acknowledged} acknowledged`)
      assert.ok(result.steps.length > 12)
    }
  })

  test('is the same, event by event, for the same seed: twice in one process, and in another process', async () => {
    const [one, two, other] = [await runToys(3), await runToys(3), await runToys(4)]
    assert.deepEqual({ ...one, realMs: 0 }, { ...two, realMs: 0 })
    assert.notEqual(one.traceHash, other.traceHash)
    const script = fileURLToPath(new URL('./toys.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv.filter(isLoader), script, '3'])
    assert.equal(stdout.trim(), `${one.traceHash} ${one.events} ${one.acknowledged}`)
  })

  test('sees a record that was acknowledged before it was durable', async () => {
    // Power is lost just before the writers stop, so no later record takes the id of a lost one.
    const steps = [
      { atMs: 0, kind: 'start' as const, host: 'a' },
      { atMs: 4_990, kind: 'powerOff' as const, host: 'a' },
    ]
    const missing = await find('acknowledges before the sync', 'recordsMissing', {
      hosts: ['a'],
      durationMs: 5_000,
      steps,
    })
    assert.match(missing.violations.map(describeViolation).join('\n'), /acknowledged records are missing, the first is/)
    const reused = await find('acknowledges before the sync', 'idReused')
    assert.match(reused.violations.map(describeViolation).join('\n'), /which was another record's id before/)
  })

  test('sees copies that are not brought up to date', async () => {
    const result = await find('sends once and never again', 'copyBehind')
    assert.match(result.violations.map(describeViolation).join('\n'), /its copy of \w+ ends at \d+, the longest at \d+/)
  })

  test('sees in a lull, with all that lasts going on, who has less than those it reaches, and not who reaches nobody', async () => {
    const start = (host: string) => ({ atMs: 0, kind: 'start', host }) as const
    const steps = [
      ...[start('a'), start('b'), start('c')],
      { atMs: 1_000, kind: 'partition', groups: [['c']] } as const,
      { atMs: 2_000, kind: 'partition', groups: [['a']], id: 'short' } as const,
      { atMs: 8_000, kind: 'heal', id: 'short' } as const,
    ]
    const behindBeforeHealed = async (bug?: PlantedBug): Promise<string[]> => {
      const behind: string[] = []
      let healed = false
      const observer: RunObserver = {
        healed: () => {
          healed = true
        },
        violation: (violation) => {
          if (!healed && violation.kind === 'copyBehind') behind.push(violation.node)
        },
      }
      await runToys(1, {
        hosts: ['a', 'b', 'c'],
        durationMs: 10_000,
        lullMs: 10_000,
        steps,
        observer,
        ...(bug && { bug }),
      })
      return [...new Set(behind)].sort()
    }
    assert.deepEqual(await behindBeforeHealed(), [])
    assert.deepEqual(await behindBeforeHealed('sends once and never again'), ['a', 'b'])
  })

  test('sees what is still open after a stop', async () => {
    const result = await find('leaves a timer behind', 'stillOpen')
    assert.match(result.violations.map(describeViolation).join('\n'), /still open after stop: timers in 60000 ms/)
  })

  test('sees a process that dies of an exception, and says where it came from', async () => {
    const result = await find('throws', 'processFailed')
    assert.match(result.violations.map(describeViolation).join('\n'), /a bug\n.*ToyLog\.explode/)
  })

  test('sees a node that does not start, and one that does not stop', async () => {
    const base = { seed: 1, hosts: ['a', 'b'], steps: [], durationMs: 100, settleMs: 1_000 }
    const unable = await runScenario({ ...base, startNode: () => Promise.reject(new Error('no such folder')) })
    assert.deepEqual(kindsOf(unable), ['startFailed', 'neverStarted'])
    const stubborn = await runScenario({
      ...base,
      startNode: async (context) => ({ ...(await startToyNode(context)), stop: () => new Promise(() => {}) }),
    })
    assert.deepEqual(stubborn.violations.map(describeViolation).sort(), [
      'a: stopFailed: not within 30000 ms',
      'b: stopFailed: not within 30000 ms',
    ])
  })

  test('of a failing seed shrinks to the few steps that matter', async () => {
    const size = { hosts: ['a', 'b', 'c'], durationMs: 60_000 }
    const bug = 'acknowledges before the sync'
    const { seed, steps } = await find(bug, 'idReused', size)
    const fails = async (fewer: typeof steps): Promise<boolean> =>
      kindsOf(await runToys(seed, { bug, ...size, steps: fewer })).includes('idReused')
    const shortest = await shrinkSteps(steps, fails, 40)
    assert.ok(await fails(shortest))
    assert.ok(shortest.length <= 4, shortest.map(describeStep).join('\n'))
  })
})

/** Flags that let a child process read TypeScript, and nothing of the test runner's. */
function isLoader(flag: string, index: number, flags: readonly string[]): boolean {
  return flag === '--import' || flags[index - 1] === '--import'
}
