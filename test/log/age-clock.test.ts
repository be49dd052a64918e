import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AgeClock } from '../../src/log/age-clock.ts'

const hour = 3_600_000
const day = 24 * hour
const began = 1_760_000_000_000
const nobody = () => undefined

test('is the wall clock, for as long as that goes on evenly or falls back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(day), fc.integer({ min: -day, max: 0 }))), (steps) => {
      const ages = new AgeClock()
      let [wall, monotonic] = [began, 5]
      ages.read(wall, monotonic, nobody)
      for (const [passed, set] of steps) {
        monotonic += passed
        wall += passed + set
        assert.deepEqual(ages.read(wall, monotonic, nobody), { nowMs: wall, aheadMs: 0 })
      }
    }),
  )
})

test('never goes faster than a day an hour when the wall clock jumps ahead, and meets it in the end', () => {
  const ages = new AgeClock()
  ages.read(began, 0, nobody)
  let ms = began
  for (let passed = hour; ; passed += hour) {
    const wall = began + 365 * day + passed
    const { nowMs, aheadMs } = ages.read(wall, passed, nobody)
    assert.ok(nowMs > ms && nowMs <= Math.max(ms + day, wall))
    assert.equal(aheadMs, wall - nowMs)
    if (aheadMs > 0) assert.equal(nowMs, ms + day)
    ms = nowMs
    if (aheadMs > 0) continue
    assert.ok(passed > 14 * day && passed < 17 * day)
    return
  }
})

test('goes at once as far as others prove, and never beyond the wall clock', () => {
  const ages = new AgeClock()
  ages.read(began, 0, nobody)
  assert.equal(ages.read(began + 10 * day, 1000, () => began + 9 * day).nowMs, began + 9 * day)
  assert.equal(ages.read(began + 10 * day, 2000, () => began + 400 * day).nowMs, began + 10 * day)
})

test('begins with what is proven, and with the wall clock where nothing is', () => {
  assert.equal(new AgeClock().read(began + 365 * day, 0, () => began).nowMs, began)
  assert.equal(new AgeClock().read(began, 0, () => began + 365 * day).nowMs, began)
  assert.equal(new AgeClock().read(began, 0, nobody).nowMs, began)
})
