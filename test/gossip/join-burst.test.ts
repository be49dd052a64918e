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

// What real agents sent, measured beside ours with names of this length: 3.15, 8.75 and 17.3 KiB each.
for (const [size, mostKiB] of [
  [5, 3.4],
  [20, 8.75],
  [50, 17.3],
] as const) {
  test(`${size} that join at once send at most ${mostKiB} KiB each until three seconds after they have`, () => {
    const cluster = new Cluster(1)
    let sent = 0
    const nodes = Array.from({ length: size }, (_, i) => cluster.start(`node-${i + 1}`, { port: 30_000 + i }))
    cluster.run(1000)
    for (const node of nodes) {
      count(node, (bytes) => {
        sent += bytes
      })
    }
    for (const other of nodes.slice(1)) cluster.join(other, nodes[0] as Node)
    cluster.until(() => nodes.every(({ core }) => core.members().length === size))
    cluster.run(3000)
    const eachKiB = sent / size / 1024
    assert.equal(eachKiB <= mostKiB, true, `${eachKiB.toFixed(2)} KiB`)
  })
}
