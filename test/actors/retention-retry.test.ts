import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepRetention } from '../../src/actors/retention.ts'
import type { Journal } from '../../src/log/journal.ts'
import { ManualClock } from '../server/manual-clock.ts'

const id = { topic: 'orders', origin: 'b', epoch: '018f0000-0000-7000-8000-000000000001' }

test('a segment that cannot go because it is being written is tried again a second later, and nothing stands still for it', async () => {
  const clock = new ManualClock()
  let tries = 0
  const journal = {
    ...{ node: 'a', epoch: '018f0000-0000-7000-8000-000000000002' },
    topics: () => ['orders'],
    logs: () => [],
    segments: () => [
      { log: { id, own: false }, segments: [{ base: 0, end: 5, bytes: 500, chain: 0n, timestamp: 1n }] },
    ],
    onRoll: () => () => {},
    // Whoever writes there only comes to rest in a later turn of the event loop.
    trim: async () => ++tries > 3,
  } as unknown as Journal
  const limits = { maxAgeMs: 0, maxBytes: 0, maxRecords: 0, deletedAt: 2n }
  const stop = keepRetention({
    ...{ journal, clock, compact: async () => {} },
    policy: () => ({ retention: limits, segmentMaxBytes: 1, maxRecordBytes: 1 }),
    onChange: () => () => {},
    failed: (error) => assert.fail(error),
    doubted: () => assert.fail('nothing goes by age'),
  })
  for (const expected of [1, 2, 3, 4, 4]) {
    clock.pass(1000)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(tries, expected)
  }
  stop()
})

test('what is lost while one log is trimmed counts: no other loses more than it has to', async () => {
  const clock = new ManualClock()
  const logs = new Map(['b', 'c', 'd'].map((origin) => [origin, 2]))
  const trimmed: string[] = []
  const segments = (origin: string) =>
    Array.from({ length: logs.get(origin) as number }, (_, at) => ({ base: at, end: at + 1, bytes: 100 }))
  const journal = {
    ...{ node: 'a', epoch: '018f0000-0000-7000-8000-000000000002' },
    topics: () => ['orders'],
    logs: () => [],
    segments: () =>
      [...logs.keys()].map((origin, at) => ({
        log: { id: { ...id, origin }, own: false },
        segments: segments(origin).map((one) => ({ ...one, chain: 0n, timestamp: BigInt(at + 1) })),
      })),
    onRoll: () => () => {},
    trim: async ({ origin }: typeof id) => {
      trimmed.push(origin)
      // Meanwhile a copy begins anew behind what its peers have trimmed.
      for (const gone of [origin, 'd']) logs.delete(gone)
      return true
    },
  } as unknown as Journal
  const limits = { maxAgeMs: 0, maxBytes: 300, maxRecords: 0, deletedAt: 0n }
  const stop = keepRetention({
    ...{ journal, clock, compact: async () => {} },
    policy: () => ({ retention: limits, segmentMaxBytes: 1, maxRecordBytes: 1 }),
    onChange: () => () => {},
    failed: (error) => assert.fail(error),
    doubted: () => assert.fail('nothing goes by age'),
  })
  for (let second = 0; second < 3; second++) {
    clock.pass(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual(trimmed, ['b'])
  stop()
})
