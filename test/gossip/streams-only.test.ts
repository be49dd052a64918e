import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from './cluster.ts'

/** The first exchange of state that is nobody's join comes after this. */
const { pushPullIntervalMs } = new Cluster(0).profile

test('members that hear no packets of each other learn by streams who joined, long before their regular exchanges', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const cluster = new Cluster(seed)
    cluster.link = (_from, _to, medium) => medium === 'stream'
    const names = ['a', 'b', 'c', 'd', 'e']
    const nodes = names.map((name) => cluster.start(name))
    const [first, ...others] = nodes as [(typeof nodes)[0], ...typeof nodes]
    for (const other of others) {
      cluster.join(other, first)
      cluster.run(1000)
    }
    cluster.until(() => cluster.agree(names), pushPullIntervalMs / 3)
  }
})

test('with whom packets get through, nothing is exchanged beside the regular times', () => {
  const cluster = new Cluster(1)
  const nodes = ['a', 'b', 'c'].map((name) => cluster.start(name))
  for (const other of nodes.slice(1)) cluster.join(other, nodes[0] as (typeof nodes)[0])
  cluster.run(1000)
  let streams = 0
  cluster.link = (_from, _to, medium) => {
    if (medium === 'stream') streams += 1
    return true
  }
  cluster.run(pushPullIntervalMs - 1000)
  assert.equal(streams, 0)
})

test('that nobody came is no reason to exchange once more', () => {
  const cluster = new Cluster(1)
  const nodes = ['a', 'b', 'c'].map((name) => cluster.start(name))
  for (const other of nodes.slice(1)) cluster.join(other, nodes[0] as (typeof nodes)[0])
  cluster.run(1000)
  let bytes = 0
  for (const { core } of nodes) {
    const take = core.take.bind(core)
    core.take = () => {
      const effects = take()
      for (const effect of effects)
        if (effect.kind === 'stream' && effect.bytes.length > 100) bytes += effect.bytes.length
      return effects
    }
  }
  cluster.link = (_from, _to, medium) => medium === 'stream'
  cluster.run(pushPullIntervalMs / 3)
  assert.equal(bytes > 0, true)
  bytes = 0
  cluster.run(pushPullIntervalMs / 3)
  assert.equal(bytes, 0)
})
