import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ByteStream, DatagramSocket, NetworkError } from '../../src/env/env.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, calm, textOf } from './calm.ts'

/** Hosts that hear packets of each other. */
async function hearing(...names: string[]) {
  const world = createWorld({ seed: 1, network: calm })
  const hosts = names.map((name) => world.addHost(name))
  const heard: string[] = []
  const sockets = new Map<string, DatagramSocket>()
  for (const host of hosts) {
    const receive = (packet: Uint8Array): void => {
      heard.push(`${textOf(packet).trim()}>${host.name}`)
    }
    sockets.set(host.name, await world.complete(host.env.datagrams.bind({ host: host.ip, port: 1 }, receive)))
  }
  const send = (from: string, to: string, bytes = from.length): void =>
    sockets.get(from)!.send(bytesOf(from.padEnd(bytes)), { host: world.host(to).ip, port: 1 })
  /** Who reaches whom just now, in order of names. */
  const reached = async (): Promise<string> => {
    heard.length = 0
    for (const from of names) for (const to of names) if (from !== to) send(from, to)
    await world.run({ untilMs: world.now + 10 })
    return [...heard].sort().join(' ')
  }
  return { world, heard, send, reached }
}

const everybody = 'a>b a>c b>a b>c c>a c>b'

test('a bridge: two sides that do not reach each other, and a third that both reach', async () => {
  const { world, reached } = await hearing('a', 'b', 'c')
  world.bridge([['a'], ['c']])
  assert.equal(await reached(), 'a>b b>a b>c c>b')
  world.heal()
  assert.equal(await reached(), everybody)
})

test('cuts lie over each other, and each heals by its name', async () => {
  const { world, reached } = await hearing('a', 'b', 'c')
  world.partition([['a']], 'first')
  world.block('b', 'c', 'second')
  assert.equal(await reached(), 'c>b')
  world.heal('first')
  assert.equal(await reached(), 'a>b a>c b>a c>a c>b')
  world.heal('second')
  assert.equal(await reached(), everybody)
})

test('a host that comes during a partition is on the side of those that were not named', async () => {
  const { world, send, heard } = await hearing('a', 'b')
  world.partition([['a']])
  const late = world.addHost('late')
  await world.complete(late.env.datagrams.bind({ host: late.ip, port: 1 }, () => heard.push('late')))
  send('a', 'late')
  await world.run({ untilMs: world.now + 10 })
  assert.deepEqual(heard, [])
  send('b', 'late')
  await world.run({ untilMs: world.now + 10 })
  assert.deepEqual(heard, ['late'])
})

test('a flapping link goes and comes until it is healed', async () => {
  const { world, reached } = await hearing('a', 'b')
  world.flap([['a'], ['b']], { downMs: 100, upMs: 200 })
  const seen: string[] = []
  for (let look = 0; look < 30; look++) {
    seen.push((await reached()) === '' ? '.' : '+')
    await world.run({ untilMs: world.now + 20 })
  }
  // A look takes 30 ms: three of ten in the gap, and ten times as much in all.
  assert.match(seen.join(''), /^\.{3,4}\+{6,7}\.{3,4}\+{6,7}\.{3,4}\+{4,7}$/)
  world.heal()
  await world.run({ untilMs: world.now + 1_000 })
  assert.equal(await reached(), 'a>b b>a')
})

test('weather one way: what goes is lost, what comes is not', async () => {
  const { world, reached } = await hearing('a', 'b', 'c')
  world.setWeather({ loss: 1 }, { from: ['a'], to: ['b', 'c'] }, 'storm')
  assert.equal(await reached(), 'b>a b>c c>a c>b')
  world.setWeather({ loss: 1 }, {}, 'elsewhere')
  world.calm('storm')
  assert.equal(await reached(), '')
  world.calm()
  assert.equal(await reached(), everybody)
})

test('a narrow link: packets wait for those before them, and are lost when they would wait too long', async () => {
  const { world, heard, send } = await hearing('a', 'b')
  world.setWeather({ bytesPerSecond: 10_000 }, { from: ['a'] })
  for (let count = 0; count < 20; count++) send('a', 'b', 950)
  const beganMs = world.now
  send('b', 'a')
  await world.run({ until: () => heard.includes('b>a') })
  assert.ok(world.now - beganMs < 5, 'the way back is as wide as ever')
  await world.run({ untilMs: beganMs + 250 })
  assert.equal(heard.filter((text) => text === 'a>b').length, 2, '1000 bytes with their headers, ten a second')
  await world.run({ untilMs: beganMs + 10_000 })
  assert.equal(heard.filter((text) => text === 'a>b').length, 6, 'half a second waits, the rest is dropped')
})

/** A stream between two hosts, and what both ends tell. */
async function connected() {
  const world = createWorld({ seed: 1, network: calm })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const accepted: ByteStream[] = []
  await world.complete(b.env.streams.listen({ host: b.ip, port: 1 }, (stream) => accepted.push(stream)))
  const connect = () => world.complete(a.env.streams.connect({ host: b.ip, port: 1 }, 1_000))
  const near = await connect()
  await world.run({ until: () => accepted.length === 1 })
  const listenTo = (stream: ByteStream) => {
    const heard: string[] = []
    stream.receive({
      data: (bytes) => heard.push(textOf(bytes)),
      ended: () => heard.push('ended'),
      closed: (error) => heard.push(`closed ${error?.code}`),
    })
    return heard
  }
  const far = accepted[0]!
  return { world, a, b, near, far, connect, atNear: listenTo(near), atFar: listenTo(far) }
}

test('a half-open stream carries nothing one way, says nothing of it, and breaks only for who waits for an answer', async () => {
  const { world, near, far, connect, atNear, atFar } = await connected()
  world.network.halfOpen('a', 'b')
  await world.run({ untilMs: world.now + 60_000 })
  assert.deepEqual([atNear, atFar], [[], []], 'nobody knows while nobody speaks')
  near.write(bytesOf('lost'))
  await world.run({ untilMs: world.now + 60_000 })
  assert.deepEqual([atNear, atFar], [['closed ETIMEDOUT'], []])
  far.write(bytesOf('anybody there?'))
  await world.run({ untilMs: world.now + 60_000 })
  assert.deepEqual(atFar, ['closed ETIMEDOUT'])
  await connect()
})

test('connections that are reset break at both ends at once; new ones are as good as ever', async () => {
  const { world, connect, atNear, atFar } = await connected()
  world.network.resetConnections('b', 'nobody')
  await world.run({ untilMs: world.now + 100 })
  assert.deepEqual([atNear, atFar], [[], []])
  world.network.resetConnections('b', 'a')
  await world.run({ untilMs: world.now + 100 })
  assert.deepEqual([atNear, atFar], [['closed ECONNRESET'], ['closed ECONNRESET']])
  await connect()
})

test('a host that refuses connections keeps those it has, and accepts again when it is told to', async () => {
  const { world, near, connect, atFar } = await connected()
  world.network.refuse('b', true)
  await assert.rejects(connect(), (error: NetworkError) => error.code === 'ECONNREFUSED')
  near.write(bytesOf('still here'))
  await world.run({ untilMs: world.now + 100 })
  assert.deepEqual(atFar, ['still here'])
  world.network.refuse('b', false)
  await connect()
})
