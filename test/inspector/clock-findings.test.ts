import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockFindings } from '../../src/inspector/clock-findings.ts'

const link = (peer: string, skewMs: number, withinMs = 1) => ({ peer, clock: { skewMs, withinMs } })

test('clocks two seconds off are told, ahead and behind, without any record', () => {
  const found = clockFindings([link('b', 5200), link('c', -3000), link('d', 1900), { peer: 'e' }], undefined, 0)
  assert.deepEqual(
    found.map(({ text }) => text),
    ["the clock of b is 5 s ahead of this node's", "the clock of c is 3 s behind this node's"],
  )
})

test('what a slow answer cannot tell is no finding', () => {
  assert.deepEqual(clockFindings([link('b', 5000, 4000)], undefined, 0), [])
})

test('records of a node that no longer tells the time speak for it, and only then', () => {
  assert.deepEqual(
    clockFindings([], { origin: 'gone', ms: 9000 }, 1000).map(({ about, text }) => [about, text]),
    [['gone', "records of gone are 8 s ahead of this node's clock"]],
  )
  assert.equal(clockFindings([link('b', 8000)], { origin: 'b', ms: 9000 }, 1000).length, 1)
})
