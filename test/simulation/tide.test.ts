import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../src/simulation/random.ts'
import { Tide } from '../../src/simulation/workload/tide.ts'

test('load begins with a burst, and then bursts and quiet take turns, as the seed says', () => {
  const tide = new Tide(new SeededRandom(1, 'tide'))
  const again = new Tide(new SeededRandom(1, 'tide'))
  const other = new Tide(new SeededRandom(2, 'tide'))
  assert.equal(tide.slowness(0), 1)
  const hourMs = 3_600_000
  const isBusy = (slowness: number): boolean => slowness < 5
  let [busyMs, turns, before, differs] = [0, 0, 1, false]
  for (let nowMs = 0; nowMs < hourMs; nowMs += 100) {
    const slowness = tide.slowness(nowMs)
    assert.equal(again.slowness(nowMs), slowness)
    differs ||= other.slowness(nowMs) !== slowness
    assert.ok(slowness >= 1)
    if (isBusy(slowness)) busyMs += 100
    if (isBusy(slowness) !== isBusy(before)) turns++
    before = slowness
  }
  assert.ok(differs)
  assert.ok(turns > 100, `it turned ${turns} times in an hour`)
  assert.ok(busyMs > hourMs / 10 && busyMs < hourMs / 2, `it was busy for ${busyMs} ms`)
  assert.equal(new Tide(new SeededRandom(1, 'tide')).slowness(hourMs), before, 'who looks in seldom sees the same')
})
