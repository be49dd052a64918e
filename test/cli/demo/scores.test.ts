import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missing, scoresOf, type View } from '../../../src/cli/demo/scores.ts'
import type { KnownServer } from '../../../src/client/resolver.ts'

const log = (origin: string, epoch: string, end: number) => ({ origin, epoch, start: 0, end, bytes: 0 })
const server = (name: string, status: KnownServer['status'] = 'alive'): KnownServer => ({
  name,
  status,
  epoch: `epoch of ${name}`,
  rpcAddress: undefined,
  gossipAddress: '',
  tags: new Map(),
  self: false,
  rttMs: undefined,
  replicator: '',
})

test('a node is behind by what any other holds and it does not', () => {
  const a: View = {
    servers: [server('a'), server('b', 'failed')],
    logs: [log('a', '1', 10), log('b', '1', 4), log('b', '2', 1)],
  }
  const b: View = { servers: [server('b')], logs: [log('a', '1', 7), log('b', '1', 5), log('b', '2', 1)] }
  const scores = scoresOf(
    new Map([
      ['a', a],
      ['b', b],
    ]),
  )
  assert.equal(scores.byNode.get('a')?.behind, 1)
  assert.equal(scores.byNode.get('b')?.behind, 3)
  assert.equal(scores.byNode.get('a')?.total, 15)
  assert.equal(scores.byNode.get('a')?.held.get('b'), 5)
  assert.equal(scores.byNode.get('a')?.epoch, 'epoch of a')
  assert.equal(scores.byNode.get('a')?.states.get('b'), 'failed')
  assert.equal(scores.records, 16)
  assert.equal(scores.equal, false)
})

test('equal copies are equal, and nobody is behind', () => {
  const view: View = { servers: [], logs: [log('a', '1', 10)] }
  const scores = scoresOf(
    new Map([
      ['a', view],
      ['b', view],
    ]),
  )
  assert.equal(scores.equal, true)
  assert.equal(scores.records, 10)
})

test('what was acknowledged and is nowhere to be seen is missing', () => {
  assert.equal(
    missing(
      [log('a', '1', 3)],
      new Map([
        ['a/1', 5],
        ['b/1', 2],
      ]),
    ),
    4,
  )
})
