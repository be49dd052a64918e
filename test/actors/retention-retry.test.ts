import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepRetention } from '../../src/actors/retention.ts'
import type { Journal } from '../../src/log/journal.ts'
import type { RetentionLimits } from '../../src/log/retention.ts'
import { ManualClock } from '../server/manual-clock.ts'

const id = { topic: 'orders', origin: 'b', epoch: '018f0000-0000-7000-8000-000000000001' }

/** Keeps the retention of a journal of one topic. `second`: lets one pass. */
function keep(
  limits: Partial<RetentionLimits>,
  parts: { segments: () => unknown; trim: (of: typeof id) => Promise<boolean> },
) {
  const clock = new ManualClock()
  const journal = {
    ...{ node: 'a', epoch: '018f0000-0000-7000-8000-000000000002' },
    topics: () => ['orders'],
    logs: () => [],
    onRoll: () => () => {},
    ...parts,
  } as unknown as Journal
  const retention = { maxAgeMs: 0, maxBytes: 0, maxRecords: 0, deletedAt: 0n, ...limits }
  const stop = keepRetention({
    ...{ journal, clock, compact: async () => {} },
    policy: () => ({ retention, segmentMaxBytes: 1, maxRecordBytes: 1 }),
    onChange: () => () => {},
    failed: (error) => assert.fail(error),
    doubted: () => assert.fail('nothing goes by age'),
  })
  const second = async (): Promise<void> => {
    clock.pass(1000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { stop, second }
}

test('a segment that cannot go because it is being written is tried again a second later, and nothing stands still for it', async () => {
  let tries = 0
  const { stop, second } = keep(
    { deletedAt: 2n },
    {
      segments: () => [
        { log: { id, own: false }, segments: [{ base: 0, end: 5, bytes: 500, chain: 0n, timestamp: 1n }] },
      ],
      // Whoever writes there only comes to rest in a later turn of the event loop.
      trim: async () => ++tries > 3,
    },
  )
  for (const expected of [1, 2, 3, 4, 4]) {
    await second()
    assert.equal(tries, expected)
  }
  stop()
})

/** Two segments of 100 bytes of each of three logs; when one is trimmed, the last one is lost meanwhile. */
function three(limits: Partial<RetentionLimits>) {
  const logs = new Set(['b', 'c', 'd'])
  const trimmed: string[] = []
  let looks = 0
  const { stop, second } = keep(limits, {
    segments: () => {
      looks++
      return [...logs].map((origin, at) => ({
        log: { id: { ...id, origin }, own: false },
        segments: [0, 1].map((base) => ({ base, end: base + 1, bytes: 100, chain: 0n, timestamp: BigInt(at + 1) })),
      }))
    },
    trim: async ({ origin }) => {
      trimmed.push(origin)
      // Meanwhile a copy begins anew behind what its peers have trimmed.
      for (const gone of [origin, 'd']) logs.delete(gone)
      return true
    },
  })
  return { stop, second, trimmed, looks: () => looks }
}

test('what is lost while one log is trimmed counts: no other loses more than it has to', async () => {
  const { stop, second, trimmed } = three({ maxBytes: 300 })
  for (let seconds = 0; seconds < 3; seconds++) await second()
  assert.deepEqual(trimmed, ['b'])
  stop()
})

test('what a deletion covers is decided once, however many logs it takes', async () => {
  const { stop, second, trimmed, looks } = three({ deletedAt: 2n })
  await second()
  assert.deepEqual(trimmed, ['b', 'c'])
  assert.equal(looks(), 1)
  stop()
})
