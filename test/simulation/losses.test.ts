import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Losses } from '../../src/simulation/losses.ts'

test('a copy of a rotten disk is rotten, its own backup included; one that is new is not', () => {
  const losses = new Losses()
  losses.rotted('a', [], '/data/topics/orders/a/1/0.log')
  losses.replaced('a', 'a', [])
  losses.replaced('b', 'a', [])
  assert.deepEqual([losses.mayShrink('a'), losses.mayShrink('b'), losses.mayShrink('c')], [true, true, false])
  losses.replaced('a', undefined, [])
  losses.replaced('b', 'c', [])
  assert.deepEqual([losses.mayShrink('a'), losses.mayShrink('b')], [false, false])
})
