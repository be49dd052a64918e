import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster, type Node } from './cluster.ts'

const members = 50
const bursts = 8
/** Real agents take as long only until a lost message waits for the next push/pull, which is a minute away. */
const patienceMs = 2000

/** All through the first one; fails when it takes too long until each has seen each. */
function joinTogether(cluster: Cluster, [first, ...others]: readonly Node[], seed: number): void {
  cluster.run(1000)
  const startMs = cluster.nowMs
  for (const other of others) cluster.join(other, first as Node)
  cluster.until(() => [first as Node, ...others].every(({ core }) => core.members().length === members))
  const tookMs = cluster.nowMs - startMs
  assert.equal(tookMs <= patienceMs, true, `seed ${seed}: ${tookMs} ms`)
}

for (const loss of [0, 0.01]) {
  test(`${members} that join at once through one all see each other soon, ${100 * loss} % of the packets lost`, () => {
    for (let seed = 1; seed <= bursts; seed += 1) {
      const cluster = new Cluster(seed)
      cluster.loss = loss
      const nodes = Array.from({ length: members }, (_, i) => cluster.start(`node-${i}`))
      joinTogether(cluster, nodes, seed)
    }
  })
}

test(`${members} that join at once all see each other soon, also where every other one only listens once it has joined`, () => {
  // With the last three, exchanges with members drawn by chance left somebody out.
  for (const seed of [1, 2, 3, 11, 57, 59]) {
    const cluster = new Cluster(seed)
    cluster.loss = 0.3
    // As real agents, which exchange state again after half a minute at the earliest.
    const opened = new Map<number, number>()
    cluster.link = ({ port }, _to, medium) => {
      if (medium === 'packet' || port % 2 === 0) return true
      opened.set(port, (opened.get(port) ?? 0) + 1)
      return opened.get(port) === 1
    }
    const nodes = Array.from({ length: members }, (_, i) => cluster.start(`node-${i}`, { port: 7000 + i }))
    joinTogether(cluster, nodes, seed)
  }
})

/** One after the other through the first one, all within this time; gives how long after the last one each has seen each. */
function joinWithin(cluster: Cluster, [first, ...others]: readonly Node[], spreadMs: number): number {
  cluster.run(1000)
  for (const other of others) {
    cluster.join(other, first as Node)
    cluster.run(spreadMs / others.length)
  }
  const startMs = cluster.nowMs
  cluster.until(() => [first as Node, ...others].every(({ core }) => core.members().length === others.length + 1))
  return cluster.nowMs - startMs
}

// Left to gossip alone, half of these bursts take 270 ms and more, a tenth 600.
test('20 that join within a moment all see each other within 200 ms of the last one, in every burst', () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const cluster = new Cluster(seed)
    const nodes = Array.from({ length: 20 }, (_, i) => cluster.start(`node-${i}`))
    const tookMs = joinWithin(cluster, nodes, 100)
    assert.equal(tookMs <= 200, true, `seed ${seed}: ${tookMs} ms`)
  }
})

// They do without further exchanges: each tells each by itself, also whom it only hears of later.
test('5 that join within a moment all see each other soon, in every burst', () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const cluster = new Cluster(seed)
    const nodes = Array.from({ length: 5 }, (_, i) => cluster.start(`node-${i}`))
    const tookMs = joinWithin(cluster, nodes, 10 * (seed % 40))
    assert.equal(tookMs <= 500, true, `seed ${seed}: ${tookMs} ms`)
  }
})

/** Of a packet on loopback: Ethernet, IP and UDP. Of a stream: opening it, acknowledgements and closing it. */
const packetOverheadBytes = 42
const streamOverheadBytes = 500

/** Counts what a member sends on both sides of its streams. */
function count(node: Node, add: (bytes: number) => void): void {
  const { core } = node
  const [take, receive] = [core.take.bind(core), core.receiveStream.bind(core)]
  core.take = () => {
    const effects = take()
    for (const effect of effects) {
      if (effect.kind === 'packet') add(effect.bytes.length + packetOverheadBytes)
      if (effect.kind === 'stream') add(effect.bytes.length + streamOverheadBytes)
    }
    return effects
  }
  core.receiveStream = (message, from, nowMs, reply) =>
    receive(message, from, nowMs, (answer) => {
      add(answer?.length ?? 0)
      reply(answer)
    })
}

// What real agents sent, measured beside ours with names of this length.
for (const [size, mostKiB, mostPackets] of [
  [5, 3.15, 13.2],
  [20, 8.75, 22.6],
  [50, 17.3, 35],
] as const) {
  test(`${size} that join at once send at most ${mostKiB} KiB and ${mostPackets} packets each until three seconds after they have`, () => {
    let [bytes, packets] = [0, 0]
    const seeds = 100 / size
    for (let seed = 1; seed <= seeds; seed += 1) {
      const cluster = new Cluster(seed)
      const nodes = Array.from({ length: size }, (_, i) => cluster.start(`node-${i + 1}`, { port: 30_000 + i }))
      cluster.run(1000)
      for (const node of nodes) {
        count(node, (more) => {
          bytes += more
        })
      }
      for (const other of nodes.slice(1)) cluster.join(other, nodes[0] as Node)
      cluster.until(() => nodes.every(({ core }) => core.members().length === size))
      cluster.run(3000)
      packets += cluster.packets
    }
    const eachKiB = bytes / seeds / size / 1024
    const eachPackets = packets / seeds / size
    assert.equal(eachKiB <= mostKiB, true, `${eachKiB.toFixed(2)} KiB`)
    assert.equal(eachPackets <= mostPackets, true, `${eachPackets.toFixed(2)} packets`)
  })
}
