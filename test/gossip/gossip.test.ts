import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { profiles } from '../../src/gossip/profile.ts'
import { encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { Cluster, type Node } from './cluster.ts'
import { kinds, packet, startCluster } from './joined-cluster.ts'

const tagsOf = (observer: Node, name: string) => {
  const member = observer.core.members().find((candidate) => candidate.name === name)
  return Object.fromEntries(member?.tags ?? [])
}

describe('joining', () => {
  test('two nodes find each other with their tags and addresses', () => {
    const cluster = new Cluster(1)
    const a = cluster.start('a', { tags: { role: 'first' } })
    const b = cluster.start('b')
    const order = cluster.join(b, a)
    cluster.until(() => cluster.agree(['a', 'b']))
    assert.deepEqual(b.done.get(order)?.reached, 1)
    assert.deepEqual(tagsOf(b, 'a'), { role: 'first' })
    assert.deepEqual(kinds(a, 'b'), ['joined'])
    assert.deepEqual(
      a.facts.map((fact) => fact.kind),
      ['joined', 'accompanied'],
    )
    assert.deepEqual(
      b.core.members().find(({ name }) => name === 'a'),
      {
        name: 'a',
        ...a.at,
        status: 'alive',
        tags: new Map([['role', 'first']]),
        vsn: ourVsn,
      },
    )
  })

  test('a join that reaches nobody says so', () => {
    const cluster = new Cluster(2)
    const a = cluster.start('a')
    const b = cluster.start('b')
    cluster.crash(a)
    const order = cluster.join(b, a)
    cluster.until(() => b.done.has(order))
    assert.equal(b.done.get(order)?.reached, 0)
    assert.match(b.done.get(order)?.problems.join() ?? '', /refused/)
  })

  test('twenty nodes that join at once, with lost packets, all see each other soon', () => {
    const cluster = new Cluster(3)
    cluster.loss = 0.1
    const nodes = Array.from({ length: 20 }, (_, i) => cluster.start(`n${i}`))
    for (const node of nodes.slice(1)) cluster.join(node, nodes[0] as Node)
    cluster.until(() => cluster.agree(nodes.map(({ name }) => name)), 10_000)
    cluster.run(60_000)
    assert.equal(cluster.agree(nodes.map(({ name }) => name)), true)
    for (const node of nodes) assert.ok(!node.facts.some(({ kind }) => kind === 'failed'), `${node.name} saw a failure`)
  })

  test('fifty nodes that join at once all see each other within two seconds, also where gossip missed somebody', () => {
    for (const seed of [31, 32, 33]) {
      const cluster = new Cluster(seed)
      cluster.loss = 0.02
      const nodes = Array.from({ length: 50 }, (_, i) => cluster.start(`n${i}`))
      for (const node of nodes.slice(1)) cluster.join(node, nodes[0] as Node)
      cluster.until(() => nodes.every(({ core }) => core.members().length === 50), 2_000)
    }
  })

  test('who joins says so to all: the member clocks move', () => {
    const cluster = new Cluster(4)
    const [a, b] = [cluster.start('a'), cluster.start('b')]
    cluster.join(b, a)
    cluster.until(() => a.core.stats().memberTime === 2n, 3_000)
  })

  test('a member whose gossip got lost is found by the second exchange, seconds after the join', () => {
    const cluster = new Cluster(5, { ...profiles.lan, pushPullIntervalMs: 3_600_000 })
    // More than each of them tells by itself, so that gossip is not relied on.
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const nodes = names.map((name) => cluster.start(name))
    const [a, b] = nodes as [Node, Node]
    for (const node of nodes.slice(1, -1)) cluster.join(node, a)
    cluster.until(() => cluster.agree(names.slice(0, -1), nodes.slice(0, -1)), 4_000)
    cluster.run(5_000)
    cluster.link = (_from, _to, medium) => medium === 'stream'
    cluster.join(nodes.at(-1) as Node, a)
    cluster.run(250)
    assert.equal(cluster.status(b, 'f'), undefined)
    cluster.until(() => cluster.agree(names), 4_000)
  })

  test('two halves that meet by one exchange become one cluster; once they are one, another tells nobody anything', () => {
    const cluster = new Cluster(9)
    const nodes = ['a', 'b', 'c', 'd'].map((name) => cluster.start(name))
    const [a, b, c, d] = nodes as [Node, Node, Node, Node]
    cluster.join(b, a)
    cluster.join(d, c)
    cluster.until(() => cluster.agree(['a', 'b'], [a, b]) && cluster.agree(['c', 'd'], [c, d]))
    cluster.run(60_000)
    cluster.meet(b, d)
    cluster.until(() => cluster.agree(['a', 'b', 'c', 'd']), 2000)
    cluster.run(60_000)
    const times = () => nodes.map(({ core }) => core.times().member)
    const before = times()
    const order = cluster.meet(a, c)
    cluster.until(() => a.done.has(order))
    assert.equal(a.done.get(order)?.reached, 1)
    assert.deepEqual(a.core.stats().queued, { nodes: 0, intents: 0, queries: 0, events: 0 })
    cluster.run(5000)
    assert.deepEqual(times(), before)
  })

  test('who is about to leave when a join is answered does not announce that it came to stay', () => {
    const cluster = new Cluster(10)
    const [a, b] = [cluster.start('a'), cluster.start('b')]
    cluster.join(b, a)
    const order = cluster.leave(b)
    cluster.until(() => b.done.has(order))
    cluster.run(10_000)
    assert.notEqual(cluster.status(a, 'b'), 'failed')
  })

  test('the same seed gives the same trace, another seed another', () => {
    const traceOf = (seed: number) => {
      const { cluster } = startCluster(seed, 5)
      cluster.run(20_000)
      return cluster.trace
    }
    assert.equal(traceOf(7), traceOf(7))
    assert.notEqual(traceOf(7), traceOf(8))
  })
})

describe('leaving and coming back', () => {
  test('a node that leaves has left, everywhere, and never failed', () => {
    const { cluster, nodes, names } = startCluster(30, 5)
    const leaver = nodes[2] as Node
    const order = cluster.leave(leaver)
    cluster.until(() => leaver.done.has(order), 12_000)
    assert.equal(cluster.status(leaver, leaver.name), 'left')
    cluster.crash(leaver)
    cluster.until(() => cluster.agree(names.filter((name) => name !== leaver.name)), 5_000)
    cluster.run(60_000)
    for (const node of nodes.filter(({ running }) => running)) {
      assert.equal(cluster.status(node, leaver.name), 'left')
      assert.deepEqual(kinds(node, leaver.name), ['joined', 'left'])
      assert.equal(node.core.stats().nodes, 4, 'and is out of the list of nodes')
    }
  })

  test('a lonely node leaves at once', () => {
    const cluster = new Cluster(31)
    const a = cluster.start('a')
    const order = cluster.leave(a)
    cluster.until(() => a.done.has(order), 10)
  })

  test('who leaves while all others do waits for nobody: less than the time to tell who is not there any more', () => {
    for (const count of [2, 3, 5]) {
      for (let seed = 40; seed < 50; seed++) {
        const { cluster, nodes } = startCluster(seed, count)
        const orders = nodes.map((node) => [node, cluster.leave(node)] as const)
        cluster.until(() => orders.every(([node, order]) => node.done.has(order)), 4_000)
      }
    }
  })

  test('a node that left may come back under its name', () => {
    const { cluster, nodes, names } = startCluster(32, 3)
    const [a, b] = nodes as [Node, Node]
    const order = cluster.leave(b)
    cluster.until(() => b.done.has(order))
    cluster.crash(b)
    const again = cluster.start(b.name, { port: b.at.port, tags: { run: '2' } })
    cluster.join(again, a)
    cluster.until(() => cluster.agree(names), 5_000)
    cluster.run(60_000)
    assert.equal(cluster.agree(names), true)
    assert.deepEqual(tagsOf(a, b.name), { run: '2' })
    assert.deepEqual(kinds(a, b.name), ['joined', 'left', 'joined'])
  })

  test('a node that restarts before anybody noticed is there again at once, with its new tags', () => {
    const { cluster, nodes, names } = startCluster(33, 3)
    const [a, b] = nodes as [Node, Node]
    cluster.crash(b)
    const again = cluster.start(b.name, { port: b.at.port, tags: { run: '2' } })
    cluster.join(again, a)
    cluster.until(() => nodes.every((node) => !node.running || tagsOf(node, b.name).run === '2'), 3_000)
    assert.equal(cluster.agree(names), true)
    assert.deepEqual(kinds(a, b.name), ['joined', 'updated'])
  })

  test('a node that failed and restarts at its address is back after its refutation', () => {
    const { cluster, nodes, names } = startCluster(34, 4)
    const [a, b] = nodes as [Node, Node]
    cluster.crash(b)
    cluster.until(() => cluster.agree(names.filter((name) => name !== b.name)))
    const again = cluster.start(b.name, { port: b.at.port })
    cluster.join(again, a)
    cluster.until(() => cluster.agree(names), 3_000)
    assert.deepEqual(kinds(a, b.name), ['joined', 'failed', 'joined'])
  })

  test('a failed name at a new address waits for its record to expire, unless reclaiming is allowed', () => {
    const returnMs = (deadNodeReclaimMs: number) => {
      const cluster = new Cluster(35, { ...profiles.lan, deadNodeReclaimMs })
      const [a, b, c] = ['a', 'b', 'c'].map((name) => cluster.start(name)) as [Node, Node, Node]
      cluster.join(b, a)
      cluster.join(c, a)
      cluster.until(() => cluster.agree(['a', 'b', 'c']))
      cluster.crash(b)
      cluster.until(() => cluster.agree(['a', 'c']))
      cluster.run(1_000)
      const sinceMs = cluster.nowMs
      const again = cluster.start('b')
      cluster.join(again, a)
      cluster.until(() => cluster.agree(['a', 'b', 'c']) && tagsOf(a, 'b') !== undefined, 200_000)
      return cluster.nowMs - sinceMs
    }
    assert.equal(returnMs(0) > 10_000, true)
    assert.equal(returnMs(500) < 3_000, true)
  })

  test('a node that restarts at a new address before anybody noticed is back soon after its old place is suspect', () => {
    const cluster = new Cluster(38, { ...profiles.lan, deadNodeReclaimMs: 500, pushPullIntervalMs: 3_600_000 })
    const nodes = ['a', 'b', 'c'].map((name) => cluster.start(name)) as [Node, Node, Node]
    const [a, b, c] = nodes
    cluster.join(b, a)
    cluster.join(c, a)
    cluster.until(() => cluster.agree(['a', 'b', 'c']))
    cluster.crash(b)
    const again = cluster.start('b')
    cluster.join(again, a)
    const found = (node: Node) => node.core.members().find(({ name }) => name === 'b')?.port === again.at.port
    cluster.until(() => [a, c].every(found) && cluster.agree(['a', 'b', 'c']), 25_000)
    assert.deepEqual(kinds(a, 'b'), ['joined', 'updated'])
  })

  test('a failed node that was only cut off is found again by reconnecting', () => {
    const { cluster, nodes, names } = startCluster(36, 3)
    const [a, b] = nodes as [Node, Node]
    cluster.link = (from, to) => from !== b.at && to.port !== b.at.port
    cluster.until(() => cluster.status(a, b.name) === 'failed')
    cluster.run(60_000)
    cluster.link = () => true
    cluster.until(() => cluster.agree(names), 300_000)
  })

  test('a failed member is forgotten in the end', () => {
    const cluster = new Cluster(37, { ...profiles.lan, reconnectTimeoutMs: 60_000 })
    const a = cluster.start('a')
    const b = cluster.start('b')
    cluster.join(b, a)
    cluster.until(() => cluster.agree(['a', 'b']))
    cluster.crash(b)
    cluster.until(() => cluster.status(a, 'b') === undefined)
    assert.deepEqual(kinds(a, 'b'), ['joined', 'failed', 'reaped'])
    assert.equal(a.core.stats().nodes, 1)
  })
})

describe('tags', () => {
  test('new tags reach everybody, once', () => {
    const { cluster, nodes } = startCluster(40, 5)
    const [a] = nodes as [Node]
    const order = cluster.setTags(a, { role: 'changed', more: 'ü' })
    cluster.until(() => nodes.every((node) => tagsOf(node, a.name).role === 'changed'), 5_000)
    cluster.until(() => a.done.has(order), 5_000)
    assert.deepEqual(a.done.get(order)?.problems, [])
    cluster.run(30_000)
    for (const node of nodes.slice(1)) assert.deepEqual(kinds(node, a.name), ['joined', 'updated'])
  })

  test('too many tags are refused', () => {
    const { cluster, nodes } = startCluster(41, 1)
    assert.throws(() => cluster.setTags(nodes[0] as Node, { big: 'x'.repeat(600) }), { code: 'REQUEST_MALFORMED' })
  })
})

describe('passing on', () => {
  test('a user event and a query from outside reach everybody once, and new members by exchange of state', () => {
    const { cluster, nodes } = startCluster(50, 4)
    const [a, b] = nodes as [Node, Node]
    const payload = new TextEncoder().encode('now')
    const event = encodeSerfMessage({ kind: 'userEvent', lTime: 5n, name: 'deploy', payload, coalesce: false })
    const query = encodeSerfMessage({
      kind: 'query',
      lTime: 7n,
      id: 99,
      addr: Uint8Array.of(10, 0, 0, 1),
      port: 1,
      sourceNode: 'x',
      filters: [],
      flags: 0,
      relayFactor: 0,
      timeoutNs: 1n,
      name: 'uptime',
      payload,
    })
    cluster.inject(a, packet({ kind: 'user', payload: event }))
    cluster.inject(a, packet({ kind: 'user', payload: query }))
    const times = (node: Node) => [node.core.stats().eventTime, node.core.stats().queryTime]
    cluster.until(() => nodes.every((node) => times(node).join() === '6,8'), 3_000)
    cluster.run(5_000)
    for (const node of nodes)
      assert.deepEqual(node.core.stats().queued, { nodes: 0, intents: 0, queries: 0, events: 0 })
    const late = cluster.start('late')
    cluster.join(late, b)
    cluster.until(() => times(late).join() === '6,8', 3_000)
  })

  test('a Lamport time near the end does not touch the clocks', () => {
    const { cluster, nodes } = startCluster(51, 2)
    const [a] = nodes as [Node]
    for (const lTime of [(1n << 64n) - 1n, 1n << 63n, 1n << 41n]) {
      const intent = encodeSerfMessage({ kind: 'joinIntent', lTime, node: 'ghost' })
      cluster.inject(a, packet({ kind: 'user', payload: intent }))
    }
    assert.equal(a.core.stats().memberTime < 10n, true)
  })
})
