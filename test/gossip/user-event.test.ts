import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encodeUserEvent } from '../../src/gossip/user-event.ts'
import { Cluster, type Node } from './cluster.ts'
import { startCluster } from './joined-cluster.ts'

const told = (node: Node) =>
  node.facts.flatMap((fact) =>
    fact.kind === 'userEvent' ? [`${fact.event.name} ${new TextDecoder().decode(fact.event.payload)}`] : [],
  )

describe('limits', () => {
  const event = (name: string, bytes: number) =>
    encodeUserEvent({ lTime: 1n, name, payload: new Uint8Array(bytes), coalesce: false })

  test('512 bytes of name and payload, and 512 of the whole message, in the words of Serf', () => {
    assert.deepEqual(event('ä', 511), {
      ok: false,
      problem: 'user event exceeds configured limit of 512 bytes before encoding',
    })
    assert.deepEqual(event('e', 511), {
      ok: false,
      problem: 'encoded user event exceeds configured limit of 512 bytes after encoding',
    })
    const largest = event('e', 480)
    assert.equal(largest.ok && largest.value.length <= 512, true)
  })

  test('too large a one is refused, and nobody hears of it', () => {
    const { cluster, nodes } = startCluster(21, 2)
    const [a, b] = nodes as [Node, Node]
    assert.throws(() => cluster.sendEvent(a, 'e', 'x'.repeat(600)), { code: 'REQUEST_MALFORMED' })
    cluster.sendEvent(a, 'small')
    cluster.until(() => told(b).length > 0)
    assert.deepEqual([told(a), told(b)], [['small '], ['small ']])
  })
})

describe('in a cluster', () => {
  test('an event reaches everybody once, the sender too, although packets are lost', () => {
    const { cluster, nodes } = startCluster(22, 10)
    // Exchanges of state, which follow a join, do not say what may be coalesced.
    cluster.run(10_000)
    cluster.loss = 0.2
    for (let i = 0; i < 5; i += 1) cluster.sendEvent(nodes[i] as Node, 'deploy', `${i}`, i % 2 === 0)
    cluster.until(() => nodes.every((node) => told(node).length === 5))
    cluster.run(60_000)
    for (const node of nodes) {
      assert.deepEqual(told(node).sort(), ['deploy 0', 'deploy 1', 'deploy 2', 'deploy 3', 'deploy 4'])
      const flags = node.facts.flatMap((fact) => (fact.kind === 'userEvent' ? [fact.event.coalesce] : []))
      assert.equal(flags.filter((flag) => flag).length, 3)
    }
  })

  test('who joins late hears what was before only when it asks for that', () => {
    const { cluster, nodes } = startCluster(23, 3)
    cluster.sendEvent(nodes[0] as Node, 'early')
    cluster.run(10_000)
    const [deaf, curious] = [cluster.start('deaf'), cluster.start('curious')]
    cluster.join(deaf, nodes[1] as Node)
    cluster.joinAndReplay(curious, nodes[2] as Node)
    cluster.run(60_000)
    cluster.sendEvent(nodes[0] as Node, 'late')
    cluster.until(() => [deaf, curious].every((node) => told(node).includes('late ')))
    assert.deepEqual(told(deaf), ['late '])
    assert.deepEqual(told(curious), ['early ', 'late '])
  })

  test('an event of a partition is heard on the other side when that is over', () => {
    const cluster = new Cluster(24)
    const [a, b] = [cluster.start('a'), cluster.start('b')] as [Node, Node]
    cluster.join(b, a)
    cluster.until(() => cluster.agree(['a', 'b']))
    cluster.link = () => false
    cluster.sendEvent(a, 'meanwhile')
    cluster.until(() => cluster.status(b, 'a') === 'failed')
    cluster.link = () => true
    cluster.until(() => told(b).length > 0)
    assert.deepEqual(told(b), ['meanwhile '])
  })

  test('the payload told is what was sent, whatever the sender does with its buffer later', () => {
    const { cluster, nodes } = startCluster(25, 1)
    const payload = Uint8Array.of(65)
    const [only] = nodes as [Node]
    only.core.sendEvent('e', payload, false, cluster.nowMs)
    payload[0] = 66
    for (const effect of only.core.take()) {
      if (effect.kind === 'fact' && effect.fact.kind === 'userEvent') assert.equal(effect.fact.event.payload[0], 65)
    }
  })
})
