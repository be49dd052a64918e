import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ByteStream, NetworkError } from '../../src/env/env.ts'
import type { NetworkSettings } from '../../src/simulation/network.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, calm, textOf } from './calm.ts'

/** What a stream told, as text: data joined, then `ended`, then `closed` with its code. */
function listenTo(stream: ByteStream) {
  const heard = { text: '', facts: [] as string[] }
  stream.receive({
    data: (bytes) => {
      heard.text += textOf(bytes)
    },
    ended: () => heard.facts.push('ended'),
    closed: (error) => heard.facts.push(error === undefined ? 'closed' : `closed ${error.code}`),
  })
  return heard
}

async function connected(network: Partial<NetworkSettings> = calm) {
  const world = createWorld({ seed: 1, network })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const accepted: ByteStream[] = []
  const at = { host: '0.0.0.0', port: 7946 }
  const listener = await world.complete(b.env.streams.listen(at, (stream) => accepted.push(stream)))
  const to = { host: b.ip, port: 7946 }
  const near = await world.complete(a.env.streams.connect(to, 1000))
  await world.run({ until: () => accepted.length === 1 })
  const far = accepted[0]!
  return { world, a, b, near, far, listener, to, rest: (ms = 1000) => world.run({ untilMs: world.now + ms }) }
}

const coded = (code: string) => (error: NetworkError) => error.code === code

test('bytes arrive in order however the network delays and loses them, then both sides end', async () => {
  const stormy = {
    weather: { ...calm.weather!, delay: { minMs: 0, maxMs: 50, tailChance: 0.2, tailMs: 300 }, loss: 0.2 },
  }
  const { a, b, near, far, listener, rest } = await connected(stormy)
  const [heardFar, heardNear] = [listenTo(far), listenTo(near)]
  const sent = Array.from({ length: 200 }, (_, index) => `${index},`)
  for (const piece of sent) near.write(bytesOf(piece))
  far.write(bytesOf('answer'))
  near.end()
  near.write(bytesOf('ignored after end'))
  await rest(20_000)
  assert.equal(heardFar.text, sent.join(''))
  assert.equal(heardNear.text, 'answer')
  assert.deepEqual(heardFar.facts, ['ended'])
  far.end()
  await rest()
  assert.deepEqual(heardFar.facts, ['ended', 'closed'])
  assert.deepEqual(heardNear.facts, ['ended', 'closed'])
  listener.close()
  assert.deepEqual([a.open()?.streams, b.open()?.streams, b.open()?.listeners], [[], [], []])
})

test('what was under way when the network parted comes before what was sent since', async () => {
  const slow = { weather: { ...calm.weather!, delay: { minMs: 50, maxMs: 50, tailChance: 0, tailMs: 0 } } }
  const { world, near, far, rest } = await connected(slow)
  const heard = listenTo(far)
  near.write(bytesOf('1,'))
  world.partition([['a'], ['b']])
  near.write(bytesOf('2,'))
  await rest(100)
  near.write(bytesOf('3,'))
  assert.equal(heard.text, '')
  world.heal()
  await rest()
  assert.equal(heard.text, '1,2,3,')
})

test('what a parting held back comes before what was under way for longer than that', async () => {
  const slow = { weather: { ...calm.weather!, bytesPerSecond: 1_000 } }
  const { world, near, far, rest } = await connected(slow)
  const heard = listenTo(far)
  for (const number of [1, 2, 3]) near.write(bytesOf(`${number}${'.'.repeat(99)}`))
  await rest(50)
  world.partition([['a'], ['b']])
  await rest(200)
  world.heal()
  await rest()
  assert.equal(heard.text.replaceAll('.', ''), '123')
})

test('a lost segment is a late one: it comes with the retransmission', async () => {
  const { world, near, far, rest } = await connected()
  const heard = listenTo(far)
  world.setWeather({ ...calm.weather!, loss: 1 })
  near.write(bytesOf('late'))
  await rest(200)
  assert.equal(heard.text, '')
  await rest(10)
  assert.equal(heard.text, 'late')
})

test('what came before anybody listened is delivered then, the end included', async () => {
  const { near, far, rest } = await connected()
  near.write(bytesOf('early '))
  near.write(bytesOf('bird'))
  near.end()
  await rest()
  const heard = listenTo(far)
  assert.equal(heard.text, '')
  await rest()
  assert.deepEqual(heard, { text: 'early bird', facts: ['ended'] })
})

test('connecting: refused without a listener, timed out when cut off or dark, unknown names', async () => {
  const { world, a, b, to } = await connected()
  const connect = (host: string, port: number) => world.complete(a.env.streams.connect({ host, port }, 3000))
  await assert.rejects(connect(b.ip, 1), coded('ECONNREFUSED'))
  await assert.rejects(connect('nowhere', 1), coded('ENOTFOUND'))
  const before = world.now
  world.partition([['a'], ['b']])
  await assert.rejects(connect(b.ip, to.port), coded('ETIMEDOUT'))
  assert.equal(Math.round(world.now - before), 3000)
  world.heal()
  b.powerOff()
  await assert.rejects(connect(b.ip, to.port), coded('ETIMEDOUT'))
  b.start()
  await assert.rejects(connect('b', to.port), coded('ECONNREFUSED'))
})

test('a connect during a partition succeeds when it heals in time', async () => {
  const { world, a, to } = await connected()
  world.partition([['a'], ['b']])
  const late = a.env.streams.connect(to, 5000)
  world.after(2500, () => world.heal())
  const stream = await world.complete(late)
  assert.deepEqual(stream.remote, to)
})

test('names resolve to addresses', async () => {
  const { world, a } = await connected()
  const resolve = (host: string) => world.complete(a.env.streams.resolve(host))
  assert.deepEqual(await resolve('b'), ['10.0.0.2'])
  assert.deepEqual(await resolve('192.168.0.7'), ['192.168.0.7'])
  await assert.rejects(resolve('nowhere'), coded('ENOTFOUND'))
  assert.deepEqual(a.env.streams.ownAddresses(), ['10.0.0.1'])
})

test('a killed process resets its streams at once; its last bytes still arrive', async () => {
  const { near, far, a, rest } = await connected()
  const heard = listenTo(far)
  near.write(bytesOf('last words'))
  a.kill()
  near.write(bytesOf('from beyond'))
  await rest(10)
  assert.deepEqual(heard, { text: 'last words', facts: ['closed ECONNRESET'] })
})

test('a short partition only delays bytes; a long one breaks whoever has bytes under way and leaves the other half-open', async () => {
  const { world, near, far, rest } = await connected({ ...calm, streamBreakMs: 5000 })
  const [heardFar, heardNear] = [listenTo(far), listenTo(near)]
  world.partition([['a'], ['b']])
  near.write(bytesOf('patient '))
  await rest(4000)
  assert.equal(heardFar.text, '')
  world.heal()
  await rest(100)
  assert.equal(heardFar.text, 'patient ')
  world.partition([['a'], ['b']])
  near.write(bytesOf('lost'))
  await rest(60_000)
  assert.deepEqual(heardNear.facts, ['closed ETIMEDOUT'])
  assert.deepEqual(heardFar.facts, [], 'idle: it does not know')
  world.heal()
  await rest(100)
  far.write(bytesOf('anybody?'))
  await rest(100)
  assert.deepEqual(heardFar.facts, ['closed ECONNRESET'])
})

test('a machine without power says nothing; back again, it resets what it does not know any more', async () => {
  const { near, b, rest } = await connected()
  const heard = listenTo(near)
  b.powerOff()
  near.write(bytesOf('are you there?'))
  await rest(2000)
  assert.deepEqual(heard.facts, [])
  b.start()
  await rest(100)
  assert.deepEqual(heard.facts, ['closed ECONNRESET'])
})

test('destroying ends the other side; a write into it meets a reset; a closed listener takes its streams along', async () => {
  const { world, a, near, far, listener, to, rest } = await connected()
  const [heardFar, heardNear] = [listenTo(far), listenTo(near)]
  near.destroy()
  near.destroy()
  assert.deepEqual(heardNear.facts, [], 'told later, never inside destroy')
  await rest()
  assert.deepEqual(heardNear.facts, ['closed'])
  assert.deepEqual(heardFar.facts, ['ended'])
  far.write(bytesOf('hello?'))
  await rest()
  assert.deepEqual(heardFar.facts, ['ended', 'closed ECONNRESET'])
  const second = await world.complete(a.env.streams.connect(to, 1000))
  const heardSecond = listenTo(second)
  listener.close()
  await rest()
  second.write(bytesOf('gone?'))
  await rest()
  assert.deepEqual(heardSecond.facts, ['ended', 'closed ECONNRESET'])
  await assert.rejects(world.complete(a.env.streams.connect(to, 1000)), coded('ECONNREFUSED'))
})
