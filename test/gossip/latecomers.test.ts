import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agenda } from '../../src/gossip/agenda.ts'
import { Latecomers } from '../../src/gossip/latecomers.ts'
import { decodeMessage } from '../../src/gossip/memberlist-codec.ts'
import { NodeState } from '../../src/gossip/messages.ts'
import { NodeList } from '../../src/gossip/node-list.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { seededRandom } from './cluster.ts'

function start(size: number) {
  const agenda = new Agenda()
  const list = new NodeList(seededRandom(1))
  for (let i = 0; i < size; i += 1) {
    const place = { name: `n${i}`, addr: Uint8Array.of(10, 0, 0, 1), host: '10.0.0.1', port: i + 1 }
    const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5)
    list.add({ ...place, vsn, meta: new Uint8Array(), incarnation: 1, state: NodeState.alive, stateChangedMs: 0 })
  }
  /** Who was told of whom, and when. */
  const told = new Map<string, { readonly names: string[]; readonly atMs: number }>()
  let nowMs = 1000
  const latecomers = new Latecomers({
    profile: profiles.lan,
    agenda,
    swim: { list },
    courier: {
      tellAll: ({ name }, news) => {
        assert.equal(told.has(name), false, `${name} was told twice`)
        const names = news.map((bytes) => {
          const decoded = decodeMessage(bytes)
          return decoded.ok && decoded.value.kind === 'alive' ? decoded.value.node : 'something else'
        })
        told.set(name, { names: names.sort(), atMs: nowMs })
      },
    },
  })
  const answered = (...names: (string | undefined)[]) =>
    latecomers.answered(
      names.map((name) => ({ name })),
      nowMs,
    )
  const run = (forMs: number) => {
    const endMs = nowMs + forMs
    while (agenda.nextMs <= endMs) {
      nowMs = agenda.nextMs
      agenda.run(nowMs)
    }
    nowMs = endMs
  }
  const names = () => Object.fromEntries([...told].map(([name, { names }]) => [name, names]))
  return { agenda, list, told, names, answered, run }
}

test('once nobody joins any more, each is told who came after its answer, and only that', () => {
  const { told, names, answered, run } = start(20)
  answered('n1')
  run(40)
  answered('n2', 'n3')
  run(40)
  assert.equal(told.size, 0)
  answered('n4')
  run(59)
  assert.equal(told.size, 0)
  run(1)
  assert.deepEqual(names(), { n1: ['n2', 'n3', 'n4'], n2: ['n4'], n3: ['n4'] })
})

test('where a burst has gaps, who was told is told of those who come then, and of nobody else; later on all begins anew', () => {
  const { told, names, answered, run } = start(20)
  answered('n1')
  answered('n2')
  run(100)
  assert.deepEqual(names(), { n1: ['n2'] })
  told.clear()
  run(300)
  answered('n3')
  run(100)
  assert.deepEqual(names(), { n1: ['n3'], n2: ['n3'] })
  told.clear()
  run(500)
  answered('n4')
  run(10_000)
  assert.deepEqual(names(), {})
})

test('who goes on coming does not put it off for ever', () => {
  const { told, answered, run } = start(60)
  for (let i = 1; i < 40; i += 1) {
    answered(`n${i}`)
    run(40)
  }
  assert.equal(told.get('n1')?.atMs, 2000)
})

test('who has gone is neither told nor told of, and who brought others with it is left to gossip', () => {
  const { list, told, answered, run } = start(20)
  for (const name of ['n1', 'n2', undefined, 'n3', 'n4']) answered(name)
  for (const name of ['n2', 'n4']) Object.assign(list.get(name) ?? {}, { state: NodeState.dead })
  answered('unknown')
  run(100)
  assert.deepEqual([...told.keys()], ['n1'])
  assert.deepEqual(told.get('n1')?.names, ['n3'])
})

test('among few each tells each by itself; to tell very many is too much for one member', () => {
  for (const size of [5, 66]) {
    const { agenda, told, answered, run } = start(size)
    for (let i = 1; i < size; i += 1) answered(`n${i}`)
    run(100)
    assert.equal(told.size, 0)
    assert.equal(agenda.nextMs, Number.POSITIVE_INFINITY)
  }
})
