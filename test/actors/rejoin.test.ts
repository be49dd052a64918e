import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { rejoin } from '../../src/actors/rejoin.ts'
import type { Address } from '../../src/env/env.ts'
import { Cluster } from '../replication/cluster.ts'

const names = ['a', 'b', 'c']
const orders = ['abc', 'acb', 'bac', 'bca', 'cab', 'cba'].map((order) => [...order])
const nobody = { startJoinAddrs: [] }

/** Three nodes that met by seeds once and have none any more. */
async function together(seed: number): Promise<Cluster> {
  const cluster = new Cluster({ seed, settings: { logLevel: 'silent' } })
  await cluster.startAll(...names)
  await cluster.world.run({ untilMs: cluster.world.now + 5000 })
  return cluster
}

const sees = (cluster: Cluster, name: string, count: number) => () =>
  cluster.node(name).status().members.length === count

async function backInOrder(cluster: Cluster, order: readonly string[]): Promise<void> {
  for (const name of order) await cluster.start(name, nobody)
  await cluster.until(() => order.every((name) => sees(cluster, name, order.length)()))
}

describe('a cluster that was down as a whole comes back without seeds', () => {
  for (const [seed, order] of orders.entries()) {
    test(`started ${order.join(', ')}, after nodes died one by one and the last saw all others fail`, async () => {
      const cluster = await together(seed)
      for (const [gone, name] of names.entries()) {
        cluster.host(name).kill()
        const rest = names.slice(gone + 1)
        await cluster.until(() => rest.every((other) => sees(cluster, other, rest.length)()))
        await cluster.world.run({ untilMs: cluster.world.now + 2000 })
      }
      await backInOrder(cluster, order)
      await cluster.stopAll()
    })

    test(`started ${order.join(', ')}, after a power cut`, async () => {
      const cluster = await together(seed + 10)
      for (const name of names) cluster.host(name).powerOff()
      await backInOrder(cluster, order)
      await cluster.stopAll()
    })

    test(`started ${order.join(', ')}, after all were stopped in peace`, async () => {
      const cluster = await together(seed + 20)
      await cluster.stopAll()
      for (const name of names) cluster.host(name).kill()
      await backInOrder(cluster, order)
      await cluster.stopAll()
    })
  }

  test('the one that knows nobody is found soon by those who are among themselves already', async () => {
    for (let seed = 50; seed < 60; seed += 1) {
      const cluster = await together(seed)
      for (const name of ['c', 'b', 'a']) await cluster.world.complete(cluster.node(name).stop())
      for (const name of names) cluster.host(name).kill()
      // Whoever is back while the goodbye of the last is still on its way hears it, and takes it for one.
      await cluster.world.run({ untilMs: cluster.world.now + 1000 })
      for (const name of ['b', 'c']) await cluster.start(name, nobody)
      await cluster.until(() => sees(cluster, 'b', 2)() && sees(cluster, 'c', 2)())
      await cluster.start('a', nobody)
      await cluster.until(sees(cluster, 'a', 3), 45_000)
      await cluster.stopAll()
    }
  })

  test('from both sides of a partition, where each side had lost the other', async () => {
    const cluster = await together(30)
    cluster.world.partition([['a'], ['b', 'c']])
    await cluster.until(() => sees(cluster, 'a', 1)() && sees(cluster, 'b', 2)() && sees(cluster, 'c', 2)())
    await cluster.world.run({ untilMs: cluster.world.now + 2000 })
    for (const name of names) cluster.host(name).crash()
    cluster.world.heal()
    await backInOrder(cluster, ['b', 'c', 'a'])
    await cluster.stopAll()
  })

  test('in two halves that found together before either knew of the other', async () => {
    const cluster = new Cluster({ seed: 31 })
    const all = ['a', 'b', 'c', 'd', 'e', 'f']
    await cluster.startAll(...all)
    await cluster.world.run({ untilMs: cluster.world.now + 5000 })
    for (const name of all) cluster.host(name).powerOff()
    cluster.world.partition([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ])
    for (const name of all) await cluster.start(name, nobody)
    await cluster.until(() => all.every((name) => sees(cluster, name, 3)()))
    cluster.world.heal()
    await cluster.until(() => all.every((name) => sees(cluster, name, 6)()))
    await cluster.stopAll()
  })
})

describe('what a node remembers', () => {
  test('while none of those it waits for is there, it serves alone', async () => {
    const cluster = await together(40)
    for (const name of names) cluster.host(name).powerOff()
    const a = await cluster.start('a', nobody)
    assert.equal(a.status().phase, 'serving')
    assert.deepEqual(a.status().members, ['a'])
    await cluster.stopAll()
  })

  test('stopped in peace and told to forget, it is alone; crashed, it is not', async () => {
    const cluster = await together(41)
    const forgetful = { ...nobody, rejoinAfterLeave: false }
    const host = cluster.host('a')
    await cluster.world.complete(cluster.node('a').stop())
    host.kill()
    await cluster.start('a', forgetful)
    await cluster.world.run({ untilMs: cluster.world.now + 60_000 })
    assert.deepEqual(cluster.node('a').status().members, ['a'])
    cluster.host('b').crash()
    await cluster.start('b', forgetful)
    await cluster.until(() => sees(cluster, 'b', 2)())
    await cluster.stopAll()
  })

  test('one that left meanwhile is not waited for', async () => {
    const cluster = await together(42)
    cluster.host('a').kill()
    await cluster.world.complete(cluster.node('c').stop())
    await cluster.start('a', nobody)
    await cluster.until(() => sees(cluster, 'a', 2)())
    await cluster.world.run({ untilMs: cluster.world.now + 5000 })
    cluster.host('a').kill()
    const text = new TextDecoder().decode(cluster.host('a').start().disk.readFile('/data/serf.snapshot'))
    assert.match(text, /^not-alive: c$/m)
    cluster.host('a').kill()
    await cluster.stopAll()
  })
})

describe('one pass over the lost', () => {
  const places = Array.from({ length: 20 }, (_, port): Address => ({ host: '10.0.0.1', port: port + 1 }))
  const fraction = () => 0.5

  test('tries some at a time, each once, and ends with the first that answers', async () => {
    const tried: Address[] = []
    const reached = await rejoin({
      failed: () => places,
      isAccompanied: () => false,
      join: async (batch) => {
        tried.push(...batch)
        return { reached: tried.length > 10 ? 1 : 0, problems: [] }
      },
      fraction,
    })
    assert.equal(reached, 1)
    assert.equal(tried.length, 16)
    assert.equal(new Set(tried).size, 16)
    assert.notDeepEqual(tried, places.slice(0, 16), 'in random order')
  })

  test('ends when somebody else finds us', async () => {
    let found = false
    const join = async () => {
      found = true
      return { reached: 0, problems: ['refused'] }
    }
    assert.equal(await rejoin({ failed: () => places, isAccompanied: () => found, join, fraction }), 0)
  })

  test('says that none answers, and why', async () => {
    const join = async () => ({ reached: 0, problems: ['10.0.0.1:3: refused'] })
    await assert.rejects(rejoin({ failed: () => places, isAccompanied: () => false, join, fraction }), {
      code: 'UNAVAILABLE',
      message: /\(20\).*10\.0\.0\.1:3: refused/,
    })
  })

  test('with nobody to try there is nothing to complain about', async () => {
    const join = () => assert.fail()
    assert.equal(await rejoin({ failed: () => [], isAccompanied: () => false, join, fraction }), 0)
  })
})
