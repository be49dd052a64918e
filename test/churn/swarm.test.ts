/** Whole clusters through everything that can go wrong, some of it by each seed, judged from outside; every seed twice. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spawnReeve } from '../cli/processes.ts'

test('clusters keep every promise through faults of all kinds, and do the same thing again for the same seed', async () => {
  const words = [
    '--seed',
    '1',
    '--runs',
    '24',
    '--nodes',
    '3-7',
    '--minutes',
    '0.5',
    '--jobs',
    '2',
    '--twice',
    '--failing',
  ]
  const { code, stdout } = await spawnReeve(['sim', ...words]).exited
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^48 runs, every seed twice: every promise kept/m)
})
