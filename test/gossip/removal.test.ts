import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { Cluster, type Node } from './cluster.ts'
import { kinds, startCluster } from './joined-cluster.ts'

describe('force-leave', () => {
  test('a failed member has left for all, and is forgotten by all when it is pruned', () => {
    const { cluster, nodes } = startCluster(51, 5)
    const [a, b, gone, buried] = nodes as [Node, Node, Node, Node]
    for (const node of [gone, buried]) cluster.crash(node)
    const running = nodes.filter((node) => node.running)
    cluster.until(() =>
      running.every((node) => [gone, buried].every(({ name }) => cluster.status(node, name) === 'failed')),
    )
    const order = cluster.forceLeave(a, gone.name)
    cluster.forceLeave(b, buried.name, true)
    cluster.until(() => running.every((node) => cluster.status(node, gone.name) === 'left'))
    cluster.until(() => a.done.has(order))
    cluster.until(() => running.every((node) => cluster.status(node, buried.name) === undefined))
    assert.deepEqual(a.done.get(order)?.problems, [])
    cluster.run(120_000)
    for (const node of running) {
      assert.deepEqual(kinds(node, gone.name), ['joined', 'failed', 'left'])
      assert.deepEqual(kinds(node, buried.name), ['joined', 'failed', 'left', 'reaped'])
    }
  })

  test('a member that is alive contradicts, right after it joined too; pruned it is not lost', () => {
    for (const prune of [false, true]) {
      const cluster = new Cluster(52)
      const [a, b] = [cluster.start('a'), cluster.start('b')] as [Node, Node]
      cluster.join(b, a)
      cluster.until(() => cluster.status(a, 'b') === 'alive')
      cluster.forceLeave(a, 'b', prune)
      assert.equal(cluster.status(a, 'b'), 'leaving')
      cluster.until(() => cluster.status(a, 'b') === 'alive')
      cluster.run(60_000)
      assert.equal(cluster.agree(['a', 'b']), true)
      assert.deepEqual(kinds(a, 'b'), ['joined'])
    }
  })

  test('somebody nobody knows, and with nobody there to hear it: done at once', () => {
    const cluster = new Cluster(53)
    const a = cluster.start('a')
    const order = cluster.forceLeave(a, 'nobody', true)
    cluster.until(() => a.done.has(order))
    assert.deepEqual(a.done.get(order)?.problems, [])
  })

  test('however much waits to be sent, the patience is enough', () => {
    const { cluster, nodes } = startCluster(54, 2)
    const [a] = nodes as [Node]
    const startMs = cluster.nowMs
    const orders = Array.from({ length: 1000 }, (_, i) => cluster.forceLeave(a, `nobody-${i}`))
    cluster.until(() => orders.every((order) => a.done.has(order)))
    assert.deepEqual(
      orders.flatMap((order) => a.done.get(order)?.problems),
      [],
    )
    assert.ok(cluster.nowMs - startMs > 5000, 'it took longer than the patience of an idle member')
  })
})

describe('a leave of an earlier life', () => {
  test('with whatever time it is told in an exchange of state, it is contradicted by the member at once', () => {
    const { cluster, nodes, names } = startCluster(34, 10)
    const [teller, back] = nodes as [Node, Node]
    const statusLTimes = new Map([[back.name, 90n]])
    const old = { leftMembers: [back.name], eventLTime: 0n, events: [], queryLTime: 0n }
    const userState = encodeSerfMessage({ kind: 'serfPushPull', lTime: 95n, statusLTimes, ...old })
    const state = { kind: 'pushPull', join: false, nodes: [], userState } as const
    teller.core.receiveStream(state, { host: '10.9.9.9', port: 9 }, cluster.nowMs, () => {})
    assert.equal(cluster.status(teller, back.name), 'leaving')
    cluster.until(() => cluster.agree(names), 1000)
    assert.deepEqual(
      nodes.flatMap((node) => kinds(node, back.name)).filter((kind) => kind !== 'joined'),
      [],
    )
  })
})

describe('two members of one name', () => {
  const lost = (node: Node) => node.facts.filter(({ kind }) => kind === 'nameLost').length

  test('the second one loses the vote, the first one stays', () => {
    const { cluster, nodes } = startCluster(61, 4)
    const second = cluster.start('node-0')
    cluster.join(second, nodes[1] as Node)
    cluster.until(() => lost(second) === 1)
    const fact = second.facts.find(({ kind }) => kind === 'nameLost')
    assert.deepEqual(fact?.kind === 'nameLost' && fact.rival, nodes[0]?.at)
    cluster.run(60_000)
    assert.equal(lost(nodes[0] as Node), 0)
    assert.equal(lost(second), 1)
  })

  test('who comes back at another address before the others noticed is not put out by its own past', () => {
    const { cluster, nodes, names } = startCluster(62, 4)
    cluster.crash(nodes[0] as Node)
    const again = cluster.start('node-0')
    cluster.join(again, nodes[1] as Node)
    cluster.run(60_000)
    assert.equal(lost(again), 0)
    const others = nodes.slice(1)
    assert.equal(cluster.agree(names.slice(1), others) || cluster.agree(names, others), true)
  })

  test('a forged claim puts nobody out, however often it comes', () => {
    const { cluster, nodes } = startCluster(63, 4)
    const victim = nodes[0] as Node
    const rival = cluster.start('node-0')
    // The rival exists and answers to the name, but nobody else believes in it.
    cluster.link = (from, to) => from.port !== rival.at.port || to.port === victim.at.port
    cluster.join(rival, victim)
    cluster.run(120_000)
    assert.equal(lost(victim), 0)
    assert.ok(victim.facts.filter(({ kind }) => kind === 'conflict').length > 0)
    assert.ok(victim.core.stats().queryTime < 10n, 'one vote at a time, with pauses')
  })
})
