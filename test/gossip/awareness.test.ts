import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Awareness } from '../../src/gossip/awareness.ts'

test('the score stays between fine and seven, and stretches durations', () => {
  const awareness = new Awareness(8)
  awareness.add(-1)
  assert.equal(awareness.score, 0)
  assert.equal(awareness.scale(1000), 1000)
  awareness.add(3)
  assert.equal(awareness.scale(1000), 4000)
  awareness.add(100)
  assert.equal(awareness.score, 7)
})
