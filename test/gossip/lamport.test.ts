import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LamportClock } from '../../src/gossip/lamport.ts'

test('a clock is always later than what it has seen', () => {
  const clock = new LamportClock()
  assert.equal(clock.time(), 1n)
  assert.equal(clock.tick(), 1n)
  assert.equal(clock.time(), 2n)
  clock.witness(1n)
  assert.equal(clock.time(), 2n)
  clock.witness(7n)
  assert.equal(clock.time(), 8n)
})

test('times near the end of the range or far ahead are not credible', () => {
  const clock = new LamportClock()
  for (const time of [(1n << 64n) - 1n, 1n << 63n, (1n << 40n) + 2n]) assert.equal(clock.credible(time), false)
  for (const time of [0n, 1n, 1n << 40n]) assert.equal(clock.credible(time), true)
})
