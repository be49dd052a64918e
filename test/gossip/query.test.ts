import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HeardQuery } from '../../src/gossip/effects.ts'
import { encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { textToBytes } from '../../src/gossip/text.ts'
import type { Cluster, Node } from './cluster.ts'
import { packet, startCluster } from './joined-cluster.ts'

const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const heard = (node: Node): HeardQuery[] => node.facts.flatMap((fact) => (fact.kind === 'query' ? [fact.query] : []))
const names = (nodes: Node[]) => nodes.map(({ name }) => name).sort()

/** Everybody answers at once with the own name. */
function answerAll(cluster: Cluster, nodes: Node[]): void {
  for (const node of nodes) {
    const [query] = heard(node).slice(-1)
    if (query) cluster.respond(node, query, `here is ${node.name}`)
  }
}

/** The answers so far; with a last `over` when there will be no more. */
function told(node: Node, lTime: bigint): string[] {
  return (node.answers.get(lTime) ?? []).map((answer) => {
    if (!answer) return 'over'
    return answer.kind === 'ack' ? `ack ${answer.from}` : `${answer.from}: ${textOf(answer.payload)}`
  })
}

describe('asking', () => {
  test('everybody is asked, the asker too; acks and answers come once, then it is over', () => {
    const { cluster, nodes } = startCluster(31, 5)
    const [asker] = nodes as [Node]
    const open = cluster.query(asker, 'load', { payload: textToBytes('now'), requestAck: true })
    assert.equal(open.expected, 5)
    assert.equal(open.deadlineMs, cluster.nowMs + 3200)
    cluster.until(() => nodes.every((node) => heard(node).length === 1))
    for (const node of nodes) {
      const [query] = heard(node) as [HeardQuery]
      assert.deepEqual([query.name, textOf(query.payload), query.sourceNode], ['load', 'now', asker.name])
    }
    answerAll(cluster, nodes)
    cluster.run(10_000)
    const answers = told(asker, open.lTime)
    assert.equal(answers.at(-1), 'over')
    const expected = names(nodes).flatMap((name) => [`ack ${name}`, `${name}: here is ${name}`])
    assert.deepEqual(answers.slice(0, -1).sort(), expected.sort())
    assert.equal(
      nodes.every((node) => heard(node).length === 1),
      true,
    )
  })

  test('only those are told whom the filters match; the others pass it on all the same', () => {
    const { cluster, nodes } = startCluster(32, 6)
    const filters = [
      { kind: 'nodes', nodes: ['node-1', 'node-2', 'node-3'] },
      { kind: 'tag', tag: 'role', expr: '-[23]$' },
    ] as const
    const { lTime } = cluster.query(nodes[0] as Node, 'q', { filters, requestAck: true })
    cluster.run(10_000)
    assert.deepEqual(names(nodes.filter((node) => heard(node).length > 0)), ['node-2', 'node-3'])
    assert.deepEqual(told(nodes[0] as Node, lTime).sort(), ['ack node-2', 'ack node-3', 'over'])
  })

  test('answers that get lost on the direct way come through other members', () => {
    const { cluster, nodes } = startCluster(33, 5)
    const [asker, mute] = nodes as [Node, Node]
    const open = cluster.query(asker, 'q', { requestAck: true, relayFactor: 3 })
    cluster.link = (from, to) => !(from.port === mute.at.port && to.port === asker.at.port)
    cluster.until(() => nodes.every((node) => heard(node).length === 1))
    answerAll(cluster, nodes)
    cluster.until(() => told(asker, open.lTime).filter((answer) => answer.includes('node-1')).length === 2)
    cluster.run(10_000)
    assert.equal(told(asker, open.lTime).length, 2 * nodes.length + 1, 'no answer twice')
  })

  test('nothing is too much, too long or too far, in the words of Serf', () => {
    const { cluster, nodes } = startCluster(34, 1)
    const [only] = nodes as [Node]
    const refused = (question: Parameters<Cluster['query']>[2], message: RegExp) =>
      assert.throws(() => cluster.query(only, 'q', question), { code: 'REQUEST_MALFORMED', message })
    refused({ payload: new Uint8Array(1024) }, /^query exceeds limit of 1024 bytes$/)
    refused({ relayFactor: 256 }, /relay factor/)
    refused({ relayFactor: 0.5 }, /relay factor/)
    refused({ timeoutMs: 0 }, /query of 0 ms/)
    refused({ timeoutMs: Number.POSITIVE_INFINITY }, /query of Infinity ms/)
    refused({ timeoutMs: Number.NaN }, /query of NaN ms/)
    assert.equal(heard(only).length, 0)
    assert.equal(only.core.stats().queryTime, 1n)
  })

  test('who stops listening is told nothing more', () => {
    const { cluster, nodes } = startCluster(35, 3)
    const [asker] = nodes as [Node]
    const { lTime } = cluster.query(asker, 'q', { requestAck: true })
    asker.core.forgetQuery(lTime, cluster.nowMs)
    cluster.run(10_000)
    assert.deepEqual(told(asker, lTime), ['ack node-0'])
  })
})

describe('answering', () => {
  function ask(seed: number, timeoutMs: number) {
    const { cluster, nodes } = startCluster(seed, 2)
    const [asker, other] = nodes as [Node, Node]
    const { lTime } = cluster.query(asker, 'q', { timeoutMs })
    cluster.until(() => heard(other).length > 0)
    return { cluster, asker, other, lTime, query: heard(other)[0] as HeardQuery }
  }

  test('once', () => {
    const { cluster, asker, other, lTime, query } = ask(41, 1000)
    cluster.respond(other, query, 'yes')
    assert.throws(() => cluster.respond(other, query, 'no'), { message: 'response already sent' })
    cluster.run(5000)
    assert.deepEqual(told(asker, lTime), ['node-1: yes', 'over'])
  })

  test('in time', () => {
    const { cluster, asker, other, lTime, query } = ask(42, 500)
    cluster.run(501)
    assert.throws(() => cluster.respond(other, query, 'late'), {
      code: 'DEADLINE_EXCEEDED',
      message: 'response is past the deadline',
    })
    assert.deepEqual(told(asker, lTime), ['over'])
  })

  test('within 1024 bytes; a smaller one may follow', () => {
    const { cluster, asker, other, lTime, query } = ask(43, 1000)
    assert.throws(() => cluster.respond(other, query, 'x'.repeat(1000)), {
      code: 'REQUEST_MALFORMED',
      message: 'response exceeds limit of 1024 bytes',
    })
    cluster.respond(other, query, 'x'.repeat(900))
    cluster.run(5000)
    assert.deepEqual(told(asker, lTime), [`node-1: ${'x'.repeat(900)}`, 'over'])
  })

  test('a ping of Serf is acked and told to nobody; unknown ones of its kind too', () => {
    const { cluster, nodes } = startCluster(44, 3)
    for (const name of ['_serf_ping', '_serf_unknown']) {
      const { lTime } = cluster.query(nodes[0] as Node, name, { requestAck: true })
      cluster.run(10_000)
      assert.deepEqual(told(nodes[0] as Node, lTime).sort(), ['ack node-0', 'ack node-1', 'ack node-2', 'over'])
    }
    assert.deepEqual(
      nodes.flatMap((node) => heard(node)),
      [],
    )
  })
})

test('a query in the name of somebody else makes nobody write to him', () => {
  const { cluster, nodes } = startCluster(45, 4)
  const victim = { host: '10.9.9.9', port: 53 }
  let reached = 0
  cluster.link = (_, to) => {
    if (to.host === victim.host) reached += 1
    return true
  }
  const asker = { addr: Uint8Array.of(10, 9, 9, 9), port: 53, sourceNode: 'node-1', relayFactor: 3 }
  const query = { lTime: 5n, id: 1, filters: [], flags: 1, name: 'q', timeoutNs: 10n ** 10n, payload: new Uint8Array() }
  const payload = encodeSerfMessage({ kind: 'query', ...query, ...asker })
  cluster.inject(nodes[0] as Node, packet({ kind: 'user', payload }))
  cluster.run(10_000)
  assert.equal(
    nodes.every((node) => heard(node).length === 1),
    true,
  )
  assert.equal(reached, 0)
})
