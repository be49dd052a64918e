import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { dealtRuns } from '../../src/cli/dealt-runs.ts'
import { SimTally } from '../../src/cli/sim-tally.ts'
import type { ScenarioResult } from '../../src/simulation/scenario.ts'
import { spawnReeve } from './processes.ts'

interface Answer {
  readonly square: number
  readonly process: number
  readonly runs: number
}

const typescript = process.execArgv.filter(
  (flag, index, flags) => flag === '--import' || flags[index - 1] === '--import',
)
const worker = [process.execPath, ...typescript, join(import.meta.dirname, 'seed-worker.ts')]

describe('seeds that are dealt to processes', () => {
  test('are all run, each process taking the next when it is done; one that throws or ends its process is told', async () => {
    const squares = new Map<number, number>()
    const failures = new Map<number, string>()
    const runs = new Map<number, number>()
    for await (const dealt of dealtRuns<Answer>([1, 2, 3, 4, 5, 6, 7, 8], 2, worker)) {
      if ('failure' in dealt) failures.set(dealt.seed, dealt.failure)
      else {
        squares.set(dealt.seed, dealt.run.square)
        runs.set(dealt.run.process, dealt.run.runs)
      }
    }
    assert.deepEqual(
      [...squares].sort(([one], [other]) => one - other),
      [1, 2, 4, 6, 7, 8].map((seed) => [seed, seed * seed]),
    )
    assert.match(failures.get(3)!, /three is too many/)
    assert.equal(failures.get(5), 'its process ended: exit code 7')
    assert.ok(runs.size <= 3, 'no process more than the two and the one in place of that which ended')
    assert.equal(
      [...runs.values()].reduce((sum, count) => sum + count, 0),
      6,
    )
  })

  test('leave no process behind when nobody wants the rest', async () => {
    const processes = new Set<number>()
    for await (const dealt of dealtRuns<Answer>([1, 2, 4, 6, 7, 8], 2, worker)) {
      if ('run' in dealt) processes.add(dealt.run.process)
      break
    }
    const [pid] = processes
    // The handle of a process that lives would keep this one from ending, too.
    await assert.doesNotReject(async () => {
      while (isAlive(pid!)) await new Promise((resolve) => setImmediate(resolve))
    })
  })
})

test('a seed gives the same trace alone and in a process that ran others before', async () => {
  const size = ['--nodes', '3', '--minutes', '0.2', '--json']
  const many = spawnReeve(['sim', ...size, '--runs', '3', '--jobs', '2', '--twice'])
  const alone = spawnReeve(['sim', ...size, '--seed', '3'])
  const [all, one] = await Promise.all([many.exited, alone.exited])
  assert.deepEqual([all.code, all.stderr, one.code], [0, '', 0])
  const results = all.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ScenarioResult)
  assert.deepEqual(results.map(({ seed }) => seed).sort(), [1, 2, 3])
  const { traceHash, events } = JSON.parse(one.stdout) as ScenarioResult
  const third = results.find(({ seed }) => seed === 3)!
  assert.deepEqual([third.traceHash, third.events], [traceHash, events])
})

test('the tally names the seeds that broke a promise, and those that were not the same the second time', () => {
  const result = (seed: number, traceHash: string, broken = 0) =>
    ({
      ...{ seed, traceHash, simulatedMs: 60_000, had: [], sometimes: {} },
      violations: new Array(broken).fill({}),
    }) as unknown as ScenarioResult
  const tally = new SimTally(4, true)
  const note = (seed: number, traceHash: string, broken?: number) =>
    tally.note({ seed, run: { result: result(seed, traceHash, broken) } })
  assert.deepEqual(note(1, 'a'), { failed: false, isFirst: true })
  assert.deepEqual(note(2, 'b'), { failed: false, isFirst: true })
  assert.deepEqual(note(1, 'a'), { failed: false, isFirst: false })
  assert.deepEqual(note(2, 'c'), { failed: true, isFirst: false })
  assert.deepEqual(note(3, 'd', 1), { failed: true, isFirst: true })
  assert.deepEqual(tally.note({ seed: 4, failure: 'gone' }), { failed: true, isFirst: true })
  assert.equal(tally.failed, 3)
  assert.match(
    tally.summary(),
    /^6 runs, every seed twice: 3 seeds failed; 5 simulated minutes in .*\n {2}promises broken by seeds: 3 4\n {2}not the same the second time: 2\nsometimes:\n/,
  )
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
