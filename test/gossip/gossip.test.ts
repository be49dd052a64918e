import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import type { Message } from '../../src/gossip/messages.ts'
import { encodePacket } from '../../src/gossip/packet.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { Cluster, type Node } from './cluster.ts'

function startCluster(seed: number, count: number): { cluster: Cluster; nodes: Node[]; names: string[] } {
  const cluster = new Cluster(seed)
  const names = Array.from({ length: count }, (_, i) => `node-${i}`)
  const nodes = names.map((name) => cluster.start(name, { tags: { role: name } }))
  for (const node of nodes.slice(1)) cluster.join(node, nodes[0] as Node)
  cluster.until(() => cluster.agree(names))
  return { cluster, nodes, names }
}

const packet = (message: Message) => encodePacket([encodeMessage(message)], { compress: false, crc: false })
const kinds = (node: Node, name: string) =>
  node.facts.flatMap((fact) => ('member' in fact && fact.member.name === name ? [fact.kind] : []))
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

  test('who joins says so to all: the member clocks move', () => {
    const cluster = new Cluster(4)
    const [a, b] = [cluster.start('a'), cluster.start('b')]
    cluster.join(b, a)
    cluster.until(() => a.core.stats().memberTime === 2n, 3_000)
  })

  test('a member whose gossip got lost is found by the second exchange, seconds after the join', () => {
    const cluster = new Cluster(5, { ...profiles.lan, pushPullIntervalMs: 3_600_000 })
    const [a, b, c] = [cluster.start('a'), cluster.start('b'), cluster.start('c')]
    cluster.link = (_from, _to, medium) => medium === 'stream'
    cluster.join(b, a)
    cluster.run(500)
    cluster.join(c, a)
    cluster.run(400)
    assert.equal(cluster.status(b, 'c'), undefined)
    cluster.until(() => cluster.agree(['a', 'b', 'c']), 4_000)
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

describe('failure', () => {
  test('a node that stops answering is suspected, then failed, and everybody agrees', () => {
    const { cluster, nodes, names } = startCluster(10, 6)
    const victim = nodes[3] as Node
    const crashedMs = cluster.nowMs
    cluster.crash(victim)
    cluster.until(() => cluster.agree(names.filter((name) => name !== victim.name)), 30_000)
    // Six nodes, two confirmations: the minimum of 4 s after the first suspicion.
    assert.ok(cluster.nowMs - crashedMs < 12_000, `${cluster.nowMs - crashedMs} ms`)
    for (const node of nodes.filter(({ running }) => running)) {
      assert.equal(cluster.status(node, victim.name), 'failed')
      assert.deepEqual(kinds(node, victim.name), ['joined', 'failed'])
    }
  })

  test('of two nodes the last one learns that it is alone', () => {
    const { cluster, nodes } = startCluster(11, 2)
    const [a, b] = nodes as [Node, Node]
    cluster.crash(b)
    cluster.until(() => cluster.status(a, b.name) === 'failed')
    assert.deepEqual(
      a.facts.map(({ kind }) => kind),
      ['joined', 'accompanied', 'failed', 'alone'],
    )
  })

  test('helpers save a node that one other cannot reach by packets or streams', () => {
    const { cluster, nodes, names } = startCluster(12, 4)
    const [a, b] = nodes as [Node, Node]
    cluster.link = (from, to) => !((from === a.at && to.port === b.at.port) || (from === b.at && to.port === a.at.port))
    cluster.run(60_000)
    assert.equal(cluster.agree(names), true)
    for (const node of nodes)
      assert.equal(
        node.facts.some(({ kind }) => kind === 'failed'),
        false,
      )
  })

  test('a node that answers on streams only stays, and it is told that packets do not get through', () => {
    const { cluster, nodes, names } = startCluster(13, 2)
    cluster.link = (_from, _to, medium) => medium === 'stream'
    cluster.run(30_000)
    assert.equal(cluster.agree(names), true)
    assert.equal((nodes[0]?.core.stats().problems.get('packetsBlocked') ?? 0) > 0, true)
  })

  test('lost packets alone do not make anybody fail', () => {
    const { cluster, nodes, names } = startCluster(14, 6)
    cluster.loss = 0.2
    cluster.run(120_000)
    assert.equal(cluster.agree(names), true)
    for (const node of nodes)
      assert.equal(
        node.facts.some(({ kind }) => kind === 'failed'),
        false,
      )
  })

  test('a datagram that cannot be sent counts as unanswered at once', () => {
    const { cluster, nodes } = startCluster(15, 2)
    const [a, b] = nodes as [Node, Node]
    cluster.crash(b)
    const { core } = a
    let asked = 0
    while (asked < 3) {
      cluster.nowMs = core.nextWakeMs()
      core.wake(cluster.nowMs)
      for (const effect of core.take()) {
        if (effect.kind === 'packet' && effect.probe !== undefined) {
          core.sendFailed(effect.probe, cluster.nowMs)
          assert.ok(
            core.take().some(({ kind }) => kind === 'stream'),
            'falls back to a stream without waiting',
          )
          asked += 1
        }
        if (effect.kind === 'stream') core.streamFailed(effect.id, 'unreachable', cluster.nowMs)
      }
    }
  })

  test('a cut cluster splits in two and heals', () => {
    const { cluster, nodes, names } = startCluster(16, 6)
    const left = nodes.slice(0, 3)
    const right = nodes.slice(3)
    const side = (port: number) => left.some(({ at }) => at.port === port)
    cluster.link = (from, to) => side(from.port) === side(to.port)
    cluster.until(
      () =>
        cluster.agree(
          left.map(({ name }) => name),
          left,
        ) &&
        cluster.agree(
          right.map(({ name }) => name),
          right,
        ),
    )
    cluster.link = () => true
    cluster.until(() => cluster.agree(names), 300_000)
  })
})

describe('accusation', () => {
  test('a living node refutes a suspicion and a death notice', () => {
    const { cluster, nodes, names } = startCluster(20, 3)
    const [a, b] = nodes as [Node, Node]
    cluster.inject(a, packet({ kind: 'suspect', incarnation: 1, node: b.name, from: 'nobody' }))
    cluster.run(3_000)
    assert.equal(b.core.stats().incarnation, 2)
    cluster.inject(a, packet({ kind: 'dead', incarnation: 2, node: b.name, from: 'nobody' }))
    assert.equal(cluster.status(a, b.name), 'failed')
    cluster.until(() => cluster.agree(names), 5_000)
    assert.equal(b.core.stats().incarnation, 3)
    assert.deepEqual(kinds(a, b.name), ['joined', 'failed', 'joined'])
  })

  test('made-up accusers do not hurry a death', () => {
    const { cluster, nodes } = startCluster(21, 6)
    const [a, b] = nodes as [Node, Node]
    cluster.link = (from, to) => from !== b.at && to.port !== b.at.port
    for (let i = 0; i < 50; i += 1) {
      cluster.inject(a, packet({ kind: 'suspect', incarnation: 1, node: b.name, from: `ghost-${i}` }))
    }
    cluster.run(1_000)
    assert.equal(cluster.status(a, b.name), 'alive')
  })

  test('an absurd incarnation is not believed, about us or others', () => {
    const { cluster, nodes, names } = startCluster(22, 3)
    const [a, b] = nodes as [Node, Node]
    for (const node of [a.name, b.name]) {
      cluster.inject(a, packet({ kind: 'suspect', incarnation: 0xffff_ffff, node, from: b.name }))
      cluster.inject(a, packet({ kind: 'dead', incarnation: 0xffff_ffff, node, from: b.name }))
    }
    cluster.run(10_000)
    assert.equal(a.core.stats().incarnation, 1)
    assert.equal(cluster.agree(names), true)
    assert.equal(a.core.stats().problems.get('incredible'), 4)
  })

  test('somebody with our name at another address is a conflict, and changes nothing', () => {
    const { cluster, nodes } = startCluster(23, 3)
    const [a] = nodes as [Node]
    const twin = cluster.start('node-1')
    cluster.join(twin, a)
    cluster.run(5_000)
    assert.equal(
      a.facts.some((fact) => fact.kind === 'conflict' && fact.name === 'node-1'),
      true,
    )
    assert.equal(
      twin.facts.some((fact) => fact.kind === 'conflict' && fact.name === 'node-1'),
      true,
    )
    assert.equal(a.core.members().find(({ name }) => name === 'node-1')?.port, nodes[1]?.at.port)
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

  test('a node that restarts at a new address before anybody noticed is back soon after its old place is dead', () => {
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
    assert.deepEqual(kinds(a, 'b'), ['joined', 'failed', 'joined'])
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
