import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agenda } from '../../src/gossip/agenda.ts'
import { Courier } from '../../src/gossip/courier.ts'
import { GossipRounds } from '../../src/gossip/gossip-rounds.ts'
import { NodeState } from '../../src/gossip/messages.ts'
import { NodeList, type NodeRecord } from '../../src/gossip/node-list.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { unsealed } from '../../src/gossip/sealing.ts'
import { seededRandom } from './cluster.ts'

const { gossipIntervalMs, gossipNodes } = profiles.lan

function node(name: string, port: number): NodeRecord {
  const place = { name, addr: Uint8Array.of(10, 0, 0, 1), host: '10.0.0.1', port }
  const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5)
  return { ...place, vsn, meta: new Uint8Array(), incarnation: 1, state: NodeState.alive, stateChangedMs: 0 }
}

function start() {
  const random = seededRandom(1)
  const agenda = new Agenda()
  const list = new NodeList(random)
  const self = node('us', 1)
  list.add(self)
  let nowMs = 1000
  /** When packets were sent. */
  const sentMs: number[] = []
  const sentTo: number[] = []
  const courier = new Courier({
    profile: profiles.lan,
    compression: false,
    sealing: unsealed,
    nodeCount: () => 1000,
    memberCount: () => 1000,
    emit: (effect) => {
      sentMs.push(nowMs)
      if (effect.kind === 'packet') sentTo.push(effect.to.port)
    },
  })
  const swim = { list, self, joined: 0 }
  const rounds = new GossipRounds({ profile: profiles.lan, random, agenda, swim, courier })
  const news = (name: string) => {
    courier.nodes.add({ name, bytes: new Uint8Array(50).fill(4) })
    rounds.plan(nowMs)
  }
  const run = (forMs: number) => {
    const endMs = nowMs + forMs
    while (agenda.nextMs <= endMs) {
      nowMs = agenda.nextMs
      agenda.run(nowMs)
      rounds.plan(nowMs)
    }
    nowMs = endMs
  }
  const others = (count: number) => {
    for (let i = 0; i < count; i += 1) list.add(node(`n${i}`, i + 2))
    rounds.plan(nowMs)
  }
  const join = () => rounds.hush(nowMs)
  /** Somebody came of whom we heard. */
  const arrive = (name: string) => {
    swim.joined += 1
    news(name)
  }
  return { agenda, courier, sentMs, sentTo, news, run, others, join, arrive, now: () => nowMs }
}

test('after a quiet time news goes out at once, to a few, and what comes together goes together', () => {
  const { agenda, sentMs, news, run, others, now } = start()
  others(9)
  const atMs = now()
  news('a')
  news('b')
  assert.equal(agenda.nextMs <= atMs + gossipIntervalMs / 10, true)
  run(agenda.nextMs - atMs)
  assert.equal(sentMs.length, gossipNodes)
})

test('a few rounds may follow each other closely; in the long run there is one every interval', () => {
  const { sentMs, news, run, others } = start()
  others(9)
  news('a')
  run(gossipIntervalMs)
  const burst = sentMs.length / gossipNodes
  assert.equal(burst >= 3 && burst <= 4, true, `${burst} rounds in the first interval`)
  for (const name of ['b', 'c', 'd', 'e', 'f']) {
    news(name)
    run(gossipIntervalMs)
  }
  run(4 * gossipIntervalMs)
  assert.equal(Math.abs(sentMs.length / gossipNodes - burst - 9) <= 1, true, `${sentMs.length} packets`)
})

test('while others join through us a round waits for all that is to be told of them, but not for longer than usual', () => {
  const { sentMs, news, run, others, join, now } = start()
  others(9)
  const atMs = now()
  for (let n = 0; n < 20; n += 1) {
    join()
    news(`n${n}`)
    run(gossipIntervalMs / 10)
    assert.equal(sentMs.length > 0, n >= 9, `after ${now() - atMs} ms`)
  }
  assert.equal(sentMs[0], atMs + gossipIntervalMs)
})

test('who has just joined waits for all it hears of others that do; later on it does not', () => {
  const { courier, sentMs, run, others, arrive } = start()
  others(9)
  courier.settling = true
  arrive('a')
  run(gossipIntervalMs / 4)
  arrive('b')
  run(gossipIntervalMs / 4)
  assert.equal(sentMs.length, 0)
  run(gossipIntervalMs)
  courier.settling = false
  const count = sentMs.length
  run(10 * gossipIntervalMs)
  arrive('c')
  run(gossipIntervalMs / 10)
  assert.equal(sentMs.length > count, true)
})

test('nobody is told a second time before all have been told once', () => {
  const { sentTo, news, run, others } = start()
  others(7)
  for (const name of ['a', 'b', 'c']) {
    news(name)
    run(3 * gossipIntervalMs)
  }
  for (let from = 0; from + 7 <= sentTo.length; from += 7) assert.equal(new Set(sentTo.slice(from, from + 7)).size, 7)
  assert.equal(sentTo.length >= 21, true)
})

test('with nobody to hear it nothing is planned, and nothing is used up', () => {
  const { agenda, sentMs, news, run, others } = start()
  news('a')
  assert.equal(agenda.nextMs, Number.POSITIVE_INFINITY)
  run(10 * gossipIntervalMs)
  others(9)
  run(gossipIntervalMs)
  assert.equal(sentMs.length >= 3 * gossipNodes, true, `${sentMs.length} packets`)
})

test('with nothing to tell nothing is planned', () => {
  const { agenda, others } = start()
  others(9)
  assert.equal(agenda.nextMs, Number.POSITIVE_INFINITY)
})
