import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Node } from './cluster.ts'
import { packet, startCluster } from './joined-cluster.ts'
import { runStalling } from './stalling-cluster.ts'

/** Nearly always blocked: hardly anybody ever reads in time what the others have to say. */
const overload = { profile: 'lan' as const, members: 100, stalling: 100, meanRunMs: 100, forMs: 25_000 }

const others = (nodes: readonly Node[], node: Node) => nodes.filter((one) => one !== node)
const failures = (nodes: readonly Node[]) => nodes.flatMap(({ facts }) => facts.filter(({ kind }) => kind === 'failed'))

describe('a member whose event loop was blocked', () => {
  test('knows for how long, and takes itself for as slow as it was', () => {
    const { cluster, nodes } = startCluster(41, 4)
    const [a] = nodes as [Node]
    assert.deepEqual(a.core.stats().stalls, { count: 0, totalMs: 0 })
    cluster.run(10_000)
    assert.equal(a.core.stats().stalls.count, 0, 'running as planned is no stall')
    const scores = [1500, 4000].map((forMs) => {
      cluster.run(30_000)
      assert.equal(a.core.stats().health, 0, 'answers make it well again')
      cluster.stall(a, forMs)
      cluster.until(() => !a.waiting)
      return a.core.stats().health
    })
    // An answer that was waiting may have made it better by one already.
    const [short, long] = scores as [number, number]
    assert.ok(short <= 3 && long > short && long >= 5, `${scores}`)
    const { count, totalMs } = a.core.stats().stalls
    assert.equal(count, 2)
    assert.ok(totalMs > 5500 - 2 * cluster.profile.probeIntervalMs && totalMs <= 5500, `${totalMs} ms`)
  })

  test('suspects nobody for what it did not read meanwhile, however it wakes up', () => {
    const { cluster, nodes } = startCluster(42, 4)
    const [a] = nodes as [Node]
    for (let round = 0; round < 20; round += 1) {
      // Blocked right after a ping went out, whose answer then waits.
      const { packets } = cluster
      cluster.until(() => cluster.packets > packets)
      cluster.stall(a, 1500)
      cluster.run(10_000)
    }
    assert.ok(a.core.stats().stalls.count >= 20)
    // Whoever is suspected refutes with a new incarnation.
    for (const { core, name } of others(nodes, a)) assert.equal(core.stats().incarnation, 1, name)
  })

  test('gives suspects as much longer as it was blocked', () => {
    const forgivenMs = (blockedMs: number) => {
      const { cluster, nodes } = startCluster(43, 3)
      const [a, b, c] = nodes as [Node, Node, Node]
      cluster.crash(b)
      cluster.inject(a, packet({ kind: 'suspect', incarnation: 1, node: b.name, from: c.name }))
      cluster.crash(c)
      const suspectedMs = cluster.nowMs
      cluster.run(1000)
      if (blockedMs > 0) cluster.stall(a, blockedMs)
      cluster.until(() => failures([a]).length > 0)
      return cluster.nowMs - suspectedMs
    }
    const usualMs = forgivenMs(0)
    const withStallMs = forgivenMs(3000)
    assert.ok(withStallMs > usualMs + 2500 && withStallMs < usualMs + 3500, `${usualMs} ms, ${withStallMs} ms`)
  })

  test('gets on with its work, however slow each turn of its loop is', () => {
    const { cluster, nodes } = startCluster(45, 2)
    const [a, b] = nodes as [Node, Node]
    cluster.crash(b)
    const slowTurnMs = 300
    const endMs = cluster.nowMs + 120_000
    while (cluster.nowMs < endMs && failures([a]).length === 0) {
      cluster.stall(a, slowTurnMs)
      cluster.run(slowTurnMs + 1)
    }
    assert.equal(cluster.status(a, b.name), 'failed')
  })

  test('is suspected by the others no sooner than their own rules say, and refutes once it runs', () => {
    const { cluster, nodes, names } = startCluster(45, 6)
    const [a] = nodes as [Node]
    cluster.run(10_000)
    const blockedMs = cluster.nowMs
    cluster.stall(a, 3500)
    const healthOf = () => Math.max(...others(nodes, a).map(({ core }) => core.stats().health))
    cluster.until(() => healthOf() > 0)
    assert.ok(cluster.nowMs - blockedMs >= cluster.profile.probeIntervalMs, `${cluster.nowMs - blockedMs} ms`)
    cluster.run(20_000)
    assert.ok(a.core.stats().incarnation > 1)
    assert.deepEqual(failures(nodes), [])
    assert.equal(cluster.agree(names), true)
  })
})

describe('a hundred members, all of them blocked for seconds again and again', () => {
  test('give each other up at least fifty times less often for knowing it', () => {
    const failed = (aware: boolean) =>
      [2, 3].reduce((sum, seed) => sum + runStalling({ ...overload, seed, aware }).stallingFailed, 0)
    const unaware = failed(false)
    assert.ok(unaware >= 50, `the measure of it: ${unaware}`)
    const aware = failed(true)
    assert.ok(aware * 50 <= unaware, `${aware} failed`)
  })
})
