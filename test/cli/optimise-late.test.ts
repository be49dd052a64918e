import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import { mock, test } from 'node:test'
import v8 from 'node:v8'
import { optimiseLate, optimiseOnceWritten } from '../../src/cli/optimise-late.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { batchOf, openOn } from '../log/scenery.ts'

test('an agent optimises late until it stores the first record of somebody, and as usual from then on', async () => {
  const setFlags = mock.method(v8, 'setFlagsFromString', () => {})
  syncBuiltinESMExports()
  try {
    const asked = () => setFlags.mock.calls.map((call) => call.arguments[0])
    const expected = (...flags: string[]) => (process.versions.v8.startsWith('11.') ? flags : [])
    const { journal } = await openOn(new MemoryDisk())
    optimiseLate()
    optimiseOnceWritten(journal)
    await journal.append('_catalog', batchOf('nobody waits for this one'), 1)
    assert.deepEqual(asked(), expected('--interrupt-budget=2000000'))
    for (const value of ['one', 'two']) await journal.append('orders', batchOf(value), 1)
    assert.deepEqual(asked(), expected('--interrupt-budget=2000000', '--interrupt-budget=67584'))
    await journal.close()
  } finally {
    mock.restoreAll()
    syncBuiltinESMExports()
  }
})
