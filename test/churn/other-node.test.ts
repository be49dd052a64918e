import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { dealtRuns } from '../../src/cli/dealt-runs.ts'
import type { SimRun } from '../../src/cli/sim-report.ts'
import { missing } from '../component.ts'
import { noOtherNode, otherNode } from '../other-node.ts'

const other = otherNode()
const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

test('a seed gives the same run under another version of Node.js, event by event', {
  skip: other === undefined && missing(noOtherNode),
}, async () => {
  const own = await traces(process.execPath)
  const others = await traces(other!.program)
  assert.equal(own.size, seeds.length)
  assert.deepEqual(others, own, `${process.version} and ${other!.version}`)
})

/** By seed: the hash of the run's trace, or why there is none. */
async function traces(program: string): Promise<Map<number, string>> {
  const run = join(import.meta.dirname, '..', '..', '.tools', 'run.mjs')
  const command = [program, run, 'sim', '--nodes', '3-7', '--minutes', '0.5', '--worker']
  const hashes = new Map<number, string>()
  for await (const dealt of dealtRuns<SimRun>(seeds, 2, command)) {
    assert.ok('run' in dealt, `seed ${dealt.seed} under ${program}: ${'failure' in dealt ? dealt.failure : ''}`)
    hashes.set(dealt.seed, dealt.run.result.traceHash)
  }
  return new Map([...hashes].sort(([one], [next]) => one - next))
}
