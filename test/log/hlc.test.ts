import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HybridClock } from '../../src/log/hlc.ts'

const at = (ms: number, counter: number) => (BigInt(ms) << 16n) | BigInt(counter)

test('follows the wall clock and counts within a millisecond', () => {
  const clock = new HybridClock()
  assert.equal(clock.next(1000.9), at(1000, 0))
  assert.equal(clock.next(1000), at(1000, 1))
  assert.equal(clock.next(1001), at(1001, 0))
})

test('never goes back, whatever the wall clock and the others do', () => {
  const step = fc.oneof(
    fc.record({ now: fc.nat({ max: 100_000 }) }),
    fc.record({ now: fc.nat({ max: 100_000 }), seen: fc.bigInt({ min: 0n, max: 1n << 40n }) }),
  )
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = new HybridClock()
      let last = -1n
      for (const one of steps) {
        if ('seen' in one) clock.observe(one.seen as bigint, one.now)
        const next = clock.next(one.now)
        assert.ok(next > last)
        last = next
      }
    }),
  )
})

test('goes ahead of what it saw, but one wrong clock does not pull it along', () => {
  const clock = new HybridClock()
  clock.observe(at(5000, 7), 1000)
  assert.equal(clock.next(1000), at(5000, 8))
  clock.observe(at(1_000_000, 0), 1000)
  assert.equal(clock.next(1000), at(5000, 9))
})

test('a full counter borrows from the next millisecond', () => {
  const clock = new HybridClock()
  clock.observe(at(1000, 0xffff), 1000)
  assert.equal(clock.next(1000), at(1001, 0))
})
