import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ourVsn } from '../../src/gossip/versions.ts'
import type { Node } from './cluster.ts'
import { kinds, packet, startCluster } from './joined-cluster.ts'

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

describe('what gossip missed', () => {
  /** One who is asked by somebody that is not alive to it hears better at once; nobody else has to act. */
  const hearsOf = (asker: Node, asked: Node, cluster: ReturnType<typeof startCluster>['cluster']) => {
    const ping = { kind: 'ping', seqNo: 7, node: asked.name, sourceNode: asker.name } as const
    const sourceAddr = Uint8Array.of(10, 0, 0, 1)
    cluster.inject(asked, packet({ ...ping, sourceAddr, sourcePort: asker.at.port }), asker.at)
    cluster.run(100)
    return cluster.status(asked, asker.name)
  }

  test('one that was buried and has refuted asks who missed it, and is alive there at once', () => {
    const { cluster, nodes } = startCluster(17, 5)
    const [a, b, c] = nodes as [Node, Node, Node]
    cluster.link = (from, to) => from !== c.at && to.port !== c.at.port
    cluster.inject(a, packet({ kind: 'dead', node: b.name, incarnation: 1, from: 'x' }))
    cluster.run(2000)
    assert.equal(b.core.stats().incarnation, 2)
    cluster.inject(c, packet({ kind: 'dead', node: b.name, incarnation: 1, from: 'x' }))
    assert.equal(cluster.status(c, b.name), 'failed')
    cluster.link = (from, to) => ![from.port, to.port].includes(c.at.port) || [from.port, to.port].includes(b.at.port)
    assert.equal(hearsOf(b, c, cluster), 'alive')
    assert.equal(b.core.stats().incarnation, 2, 'nothing new to contradict')
  })

  test('one that is not known asks, and is known at once', () => {
    const { cluster, nodes } = startCluster(18, 3)
    const [a] = nodes as [Node]
    const stranger = cluster.start('stranger')
    cluster.link = (from, to) => from.port !== stranger.at.port && to.port !== stranger.at.port
    const theirs = { addr: Uint8Array.of(10, 0, 0, 1), port: a.at.port, meta: new Uint8Array(0), vsn: ourVsn }
    cluster.inject(stranger, packet({ kind: 'alive', node: a.name, incarnation: 1, ...theirs }))
    // What it says of itself is said, and nobody has heard it.
    cluster.run(2000)
    cluster.link = () => true
    assert.equal(cluster.status(a, 'stranger'), undefined)
    assert.equal(hearsOf(stranger, a, cluster), 'alive')
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
