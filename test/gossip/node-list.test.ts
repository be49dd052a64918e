import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeState } from '../../src/gossip/messages.ts'
import { NodeList, type NodeRecord } from '../../src/gossip/node-list.ts'
import { seededRandom } from './cluster.ts'

function record(name: string, port = 1): NodeRecord {
  const addr = Uint8Array.of(10, 0, 0, 1)
  const rest = { meta: new Uint8Array(), vsn: Uint8Array.of(1, 5, 2, 2, 5, 5), incarnation: 1, stateChangedMs: 0 }
  return { name, addr, host: '10.0.0.1', port, state: NodeState.alive, ...rest }
}

function listOf(...names: string[]): NodeList {
  const list = new NodeList(seededRandom(1))
  for (const [i, name] of names.entries()) list.add(record(name, i + 1))
  return list
}

test('each pass asks every node once, in another order than before', () => {
  const names = Array.from({ length: 12 }, (_, i) => `n${i}`)
  const list = listOf(...names)
  let passes = 0
  const passed = () => {
    passes += 1
  }
  const pass = () => names.map(() => list.next(() => true, passed)?.name)
  const orders = [pass(), pass(), pass()]
  for (const order of orders) assert.deepEqual(new Set(order), new Set(names))
  assert.equal(passes, 2)
  assert.notDeepEqual(orders[1], orders[2])
})

test('nobody wanted: the search ends', () => {
  assert.equal(
    listOf('a', 'b').next(
      () => false,
      () => {},
    ),
    undefined,
  )
  assert.equal(
    listOf().next(
      () => true,
      () => {},
    ),
    undefined,
  )
})

test('a pick finds every one of the few that are wanted', () => {
  const list = listOf('a', 'b', 'c', 'd')
  for (let i = 0; i < 50; i += 1) {
    const picked = list.pick(3, ({ name }) => name === 'b' || name === 'd')
    assert.deepEqual(picked.map(({ name }) => name).sort(), ['b', 'd'])
  }
})

test('picks are fair', () => {
  const list = listOf('a', 'b', 'c', 'd')
  const counts = new Map<string, number>()
  for (let i = 0; i < 4000; i += 1) {
    for (const { name } of list.pick(1, () => true)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const count of counts.values()) assert.ok(count > 850 && count < 1150, [...counts].join())
})

test('addresses are known as long as somebody has them', () => {
  const list = listOf('a', 'b')
  const b = list.get('b') as NodeRecord
  assert.equal(list.knows({ host: '10.0.0.1', port: 2 }), true)
  list.move(b, Uint8Array.of(10, 0, 0, 1), 1)
  assert.equal(list.knows({ host: '10.0.0.1', port: 2 }), false)
  list.removeWhere(({ name }) => name === 'a')
  assert.equal(list.knows({ host: '10.0.0.1', port: 1 }), true)
  list.removeWhere(() => true)
  assert.equal(list.knows({ host: '10.0.0.1', port: 1 }), false)
  assert.equal(list.size, 0)
})
