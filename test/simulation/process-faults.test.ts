import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ByteStream } from '../../src/env/env.ts'
import { createWorld, type World } from '../../src/simulation/world.ts'
import { bytesOf, calm, textOf } from './calm.ts'

const after = (world: World, ms: number) => world.run({ untilMs: world.now + ms })

function clocked() {
  const world = createWorld({ seed: 1, network: calm })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const told: string[] = []
  const beganMs = world.now
  const timer = (name: string, delayMs: number) =>
    a.env.clock.setTimeout(() => told.push(`${name} at ${world.now - beganMs}`), delayMs)
  return { world, a, b, told, timer }
}

test('a paused process runs nothing; resumed, everything that fell due meanwhile runs at once and in order', async () => {
  const { world, a, told, timer } = clocked()
  timer('late', 90)
  timer('soon', 10)
  timer('far', 500)
  const cancelled = timer('never', 20)
  await after(world, 5)
  a.pause()
  assert.equal(a.paused, true)
  await after(world, 195)
  assert.deepEqual(told, [])
  assert.equal(a.open()?.timers.length, 4, 'they wait')
  a.env.clock.clearTimeout(cancelled)
  a.resume()
  await after(world, 1)
  assert.deepEqual(told, ['soon at 200', 'late at 200'])
  await after(world, 400)
  assert.deepEqual(told.slice(2), ['far at 500'])
})

test('packets wait in the socket of a paused process, as many as it holds; streams hold all', async () => {
  const { world, a, b } = clocked()
  let packets = 0
  await world.complete(b.env.datagrams.bind({ host: b.ip, port: 1 }, () => packets++))
  const socket = await world.complete(a.env.datagrams.bind({ host: a.ip, port: 1 }, () => {}))
  let text = ''
  const accept = (stream: ByteStream): void =>
    stream.receive({ data: (bytes) => (text += textOf(bytes)), ended: () => {}, closed: () => {} })
  await world.complete(b.env.streams.listen({ host: b.ip, port: 2 }, accept))
  b.pause()
  // The system accepts in its stead.
  const stream = await world.complete(a.env.streams.connect({ host: b.ip, port: 2 }, 1_000))
  for (let count = 0; count < 300; count++) {
    socket.send(new Uint8Array(1_000), { host: b.ip, port: 1 })
    stream.write(bytesOf('x'.repeat(1_000)))
  }
  await after(world, 20_000)
  assert.deepEqual([packets, text], [0, ''])
  b.resume()
  await after(world, 1_000)
  assert.deepEqual([packets, text.length], [212, 300_000], 'of the packets 212,992 bytes')
})

test('a stalled process goes on by itself; one that is paused as well does so when both are over', async () => {
  const { world, a, told, timer } = clocked()
  a.stall(100)
  timer('first', 10)
  await after(world, 150)
  assert.deepEqual(told, ['first at 100'])
  a.stall(100)
  a.pause()
  timer('second', 10)
  await after(world, 150)
  assert.equal(told.length, 1)
  a.resume()
  await after(world, 10)
  assert.deepEqual(told, ['first at 100', 'second at 300'])
})

test('a paused process can be killed: nothing of it runs any more, and the next one is not paused', async () => {
  const { world, a, told, timer } = clocked()
  timer('never', 10)
  a.pause()
  a.kill()
  a.resume()
  a.start()
  assert.equal(a.paused, false)
  timer('of the next', 10)
  await after(world, 100)
  assert.deepEqual(told, ['of the next at 10'])
})

test('a clock that drifts does not jump: it runs fast or slow from now on', async () => {
  const { world, a, b } = clocked()
  await after(world, 100_000)
  const aheadMs = () => a.env.clock.now() - b.env.clock.now()
  a.drift(1_000)
  assert.equal(aheadMs(), 0)
  await after(world, 10_000)
  assert.equal(aheadMs(), 10)
  a.drift(-1_000)
  assert.equal(aheadMs(), 10)
  await after(world, 20_000)
  assert.equal(aheadMs(), -10)
})
