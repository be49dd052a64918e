import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Cluster, Node } from './cluster.ts'
import { kinds, startCluster } from './joined-cluster.ts'

const members = 30
const seeds = [1, 2, 3, 4, 5, 6]
/** A piece of news of one member is through with gossip by then, and long before the next exchange of state. */
const patienceMs = 2000

interface Scene {
  readonly cluster: Cluster
  readonly nodes: readonly Node[]
  readonly teller: Node
  /** Gossip of all others passes it by. */
  readonly missed: Node
}

/** Calls `act` once with each seed. */
function whereOneIsMissed(act: (scene: Scene) => void): void {
  for (const seed of seeds) {
    const { cluster, nodes } = startCluster(seed, members)
    const [teller, missed] = nodes as [Node, Node]
    cluster.run(5000)
    cluster.link = (from, to, medium) => {
      return medium === 'stream' || to.port !== missed.at.port || from.port === teller.at.port
    }
    act({ cluster, nodes, teller, missed })
  }
}

describe('whoever has something to say tells it to those whom gossip misses', () => {
  test('a user event', () => {
    whereOneIsMissed(({ cluster, nodes, teller }) => {
      cluster.sendEvent(teller, 'deploy')
      const heard = ({ facts }: Node) => facts.filter(({ kind }) => kind === 'userEvent').length
      cluster.until(() => nodes.every((node) => heard(node) > 0), patienceMs)
      cluster.run(patienceMs)
      assert.deepEqual(new Set(nodes.map(heard)), new Set([1]), 'nobody is told of it twice')
    })
  })

  test('a query', () => {
    whereOneIsMissed(({ cluster, teller, nodes }) => {
      cluster.query(teller, 'uptime', { timeoutMs: 10_000 })
      cluster.until(() => nodes.every(({ facts }) => facts.some(({ kind }) => kind === 'query')), patienceMs)
    })
  })

  test('new tags', () => {
    whereOneIsMissed(({ cluster, teller, missed }) => {
      cluster.setTags(teller, { role: 'new' })
      cluster.until(() => kinds(missed, teller.name).includes('updated'), patienceMs)
    })
  })

  test('its leave, both halves of it', () => {
    whereOneIsMissed(({ cluster, teller, missed }) => {
      const order = cluster.leave(teller)
      cluster.until(() => teller.done.has(order))
      cluster.crash(teller)
      assert.equal(kinds(missed, teller.name).includes('left'), true)
    })
  })

  test('that another has left', () => {
    whereOneIsMissed(({ cluster, teller, nodes, missed }) => {
      const gone = nodes.at(-1) as Node
      cluster.crash(gone)
      cluster.until(() => kinds(missed, gone.name).includes('failed'))
      cluster.forceLeave(teller, gone.name)
      cluster.until(() => cluster.status(missed, gone.name) === 'left', patienceMs)
    })
  })
})

test('what one member says again and again costs the others a packet a second each, beyond gossip', () => {
  const { cluster, nodes } = startCluster(7, 3)
  const [teller, listener] = nodes as [Node, Node]
  const { gossipIntervalMs } = cluster.profile
  const packets = (ofMs: number, everyMs: number) => {
    let count = 0
    cluster.link = (from, to, medium) => {
      if (medium === 'packet' && from.port === teller.at.port && to.port === listener.at.port) count += 1
      return true
    }
    for (let atMs = 0; atMs < ofMs; atMs += everyMs) {
      cluster.sendEvent(teller, `event-${cluster.nowMs}`)
      cluster.run(everyMs)
    }
    return count
  }
  cluster.run(5000)
  const seconds = 60
  // A round of gossip every interval, a ping or an ack now and then, and one a second.
  const atMost = seconds * (1000 / gossipIntervalMs + 2 + 1) + 10
  const sent = packets(1000 * seconds, gossipIntervalMs / 4)
  assert.ok(sent <= atMost, `${sent} packets, at most ${atMost}`)
})
