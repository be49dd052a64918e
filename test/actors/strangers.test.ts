import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import { findOthers } from '../../src/actors/seed.ts'
import { Strangers, type StrangersOptions } from '../../src/actors/strangers.ts'
import { formatAddress, parseAddress } from '../../src/address.ts'
import type { Address, Env } from '../../src/env/env.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { Cluster } from '../replication/cluster.ts'

const nobodyIsThere = async () => ({ reached: 0 })

function strangers(options: Partial<StrangersOptions>, streams: Partial<Env['streams']> = {}): Strangers {
  const own = { host: '10.0.0.1', port: 7946 }
  const world = { resolve: async (host: string) => [host], ownAddresses: () => [own.host], ...streams }
  return new Strangers({
    find: (seeds) => findOthers(seeds, world, { advertised: own, bound: own }),
    members: () => [],
    join: nobodyIsThere,
    fraction: () => 0.5,
    met: () => {},
    ...options,
  })
}

const member = (name: string, at: string, status: 'alive' | 'leaving' | 'left' | 'failed' = 'alive') => {
  const { host, port } = parseAddress(at)!
  return { name, host, port, status, tags: new Map(), vsn: new Uint8Array(6) }
}

/** Notes whom it is told to ask. */
function listener() {
  const asked: string[] = []
  const join = async (at: Address) => {
    asked.push(formatAddress(at))
    return { reached: 0 }
  }
  return { asked, join }
}

describe('seeds at whose address no member is known', () => {
  test('are asked; where somebody is known, alive or gone, nobody is', async () => {
    const { asked, join } = listener()
    const members = () => [
      member('b', '10.0.0.2:7946'),
      member('c', '10.0.0.3:7946', 'failed'),
      member('d', '10.0.0.4:7946', 'left'),
      member('e', '10.0.0.5:7946', 'leaving'),
      member('f', '[2001:db8::1]:7946'),
    ]
    const met = strangers({ members, join })
    const known = ['10.0.0.2:7946', '10.0.0.3:7946', '10.0.0.4:7946', '10.0.0.5:7946', '[2001:0db8:0::1]:7946']
    await met.meet(known)
    assert.deepEqual(asked, [])
    await met.meet([...known, '10.0.0.2:7947', '10.0.0.6:7946'])
    assert.deepEqual(asked.sort(), ['10.0.0.2:7947', '10.0.0.6:7946'])
  })

  test('are what their names resolve to, and never ourselves', async () => {
    const { asked, join } = listener()
    const hosts = new Map([['seeds.example', ['10.0.0.1', '10.0.0.2', '10.0.0.3']]])
    const resolve = async (host: string) => hosts.get(host) ?? Promise.reject(new Error('no such host'))
    const met = strangers({ members: () => [member('b', '10.0.0.2:7946')], join }, { resolve })
    await met.meet(['seeds.example:7946', 'gone.example:7946', '????'])
    assert.deepEqual(asked, ['10.0.0.3:7946'])
  })

  test('are asked some at a time, others the next time', async () => {
    const { asked, join } = listener()
    let last = 0
    const fraction = () => {
      last = (last + 0.37) % 1
      return last
    }
    const met = strangers({ join, fraction })
    const seeds = Array.from({ length: 30 }, (_, i) => `10.0.1.${i}:7946`)
    await met.meet(seeds)
    assert.equal(asked.length, 8)
    for (let round = 0; round < 40; round += 1) await met.meet(seeds)
    assert.equal(new Set(asked).size, 30)
  })

  test('are asked each time while nobody answers there, and ever more seldom when they lead nowhere new', async () => {
    const { asked, join } = listener()
    const vain = strangers({ join })
    for (let round = 0; round < 100; round += 1) await vain.meet(['10.0.0.9:7946'])
    assert.equal(asked.length, 100)

    let answered = 0
    const rounds: number[] = []
    const service = strangers({
      join: async () => {
        answered += 1
        return { reached: 1 }
      },
    })
    for (let round = 0; round < 200; round += 1) {
      const before = answered
      await service.meet(['10.0.0.9:7946'])
      if (answered > before) rounds.push(round)
    }
    assert.deepEqual(rounds, [0, 2, 5, 10, 19, 36, 69, 102, 135, 168])
  })

  test('that led to somebody new are told of, and asked again as long as that is so', async () => {
    const members = [member('b', '10.0.0.2:7946')]
    const places: (readonly string[])[] = []
    const met = strangers({
      members: () => members,
      join: async () => {
        members.push(member(`m${members.length}`, `10.0.0.${2 + members.length}:7946`))
        return { reached: 1 }
      },
      met: (place) => places.push(place),
    })
    assert.equal(await met.meet(['10.0.9.9:7946']), 1)
    assert.equal(await met.meet(['10.0.9.9:7946']), 1)
    assert.deepEqual(places, [['10.0.9.9:7946'], ['10.0.9.9:7946']])
  })

  test('are not asked again while they take their time', async () => {
    const { asked, join } = listener()
    let answer: () => void = () => {}
    const waiting = new Promise<void>((resolve) => {
      answer = resolve
    })
    const met = strangers({ join: (at) => waiting.then(() => join(at)) })
    const attempts = [met.meet(['10.0.0.9:7946']), met.meet(['10.0.0.9:7946'])]
    answer()
    assert.deepEqual(await Promise.all(attempts), [0, 0])
    assert.equal(asked.length, 1)
  })
})

describe('a member among others', () => {
  const patient = { logLevel: 'silent', joinRetryMaxMs: 10_000 } as const
  const sees = (cluster: Cluster, name: string, names: readonly string[]) => () =>
    [...cluster.node(name).status().members].sort().join() === names.join()

  test('finds the other half, which came up apart and knows nobody here', async () => {
    const cluster = new Cluster({ seed: 60, settings: patient })
    const [left, right] = [
      ['a', 'b'],
      ['c', 'd'],
    ] as const
    const all = [...left, ...right]
    for (const name of all) cluster.host(name)
    cluster.world.partition([[...left], [...right]])
    for (const name of all) await cluster.start(name)
    for (const half of [left, right]) await cluster.until(() => half.every((name) => sees(cluster, name, half)()))
    await cluster.world.run({ untilMs: cluster.world.now + 60_000 })
    cluster.world.heal()
    await cluster.until(() => all.every((name) => sees(cluster, name, all)()), 12_000)
    await cluster.stopAll()
  })

  test('finds the other half by the only seed that leads there, although that half cannot ask', async () => {
    const cluster = new Cluster({ seed: 61, settings: patient })
    const all = ['a', 'b', 'c', 'd']
    const at = (name: string) => `${cluster.host(name).ip}:7946`
    await cluster.start('c', { startJoinAddrs: [] })
    await cluster.start('d', { startJoinAddrs: [at('c')] })
    cluster.world.partition([
      ['a', 'b'],
      ['c', 'd'],
    ])
    await cluster.start('a', { startJoinAddrs: [] })
    await cluster.start('b', { startJoinAddrs: [at('a'), at('d')] })
    await cluster.until(() => sees(cluster, 'b', ['a', 'b'])())
    cluster.world.heal()
    await cluster.until(() => all.every((name) => sees(cluster, name, all)()), 12_000)
    await cluster.stopAll()
  })

  test('asks a seed that is stale now and then, without a word; and nobody when all seeds are known', async () => {
    const cluster = new Cluster({ seed: 62, settings: { joinRetryMaxMs: 10_000 } })
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line) => lines.push(line) })
    const tried: string[] = []
    const through = (env: Env): Env => {
      const { streams } = env
      const noting: Env['streams'] = {
        listen: (...of) => streams.listen(...of),
        connect: (to, ...of) => {
          tried.push(formatAddress(to))
          return streams.connect(to, ...of)
        },
        resolve: (host) => streams.resolve(host),
        ownAddresses: () => streams.ownAddresses(),
      }
      return { ...env, streams: noting }
    }
    await cluster.start('a', { startJoinAddrs: [] })
    const known = `${cluster.host('a').ip}:7946`
    await cluster.start('b', { startJoinAddrs: [known] }, { through })
    const stale = `${cluster.host('nobody').ip}:7946`
    await cluster.start('c', { startJoinAddrs: [known, stale] }, { through, log })
    await cluster.until(() => sees(cluster, 'c', ['a', 'b', 'c'])())
    await cluster.world.run({ untilMs: cluster.world.now + 5_000 })
    const [triedBefore, linesBefore] = [tried.length, lines.length]

    await cluster.world.run({ untilMs: cluster.world.now + 600_000 })
    const later = tried.slice(triedBefore)
    const asked = later.filter((at) => at === stale).length
    assert.ok(asked >= 60 && asked <= 120, `every 5 to 10 s: ${asked} times`)
    // Members exchange state with each other anyway; asking as often as that seed would be sixty times more, each.
    const others = later.length - asked
    assert.ok(others <= 2 * (600_000 / profiles.lan.pushPullIntervalMs + 2), `anybody else ${others} times`)
    assert.deepEqual(lines.slice(linesBefore), [])
    await cluster.stopAll()
  })

  test('lets one go that left in peace and came back without wanting to know the others', async () => {
    const cluster = new Cluster({ seed: 63, settings: patient })
    await cluster.startAll('a', 'b', 'c')
    await cluster.world.complete(cluster.node('a').stop())
    cluster.host('a').kill()
    await cluster.start('a', { startJoinAddrs: [], rejoinAfterLeave: false })
    await cluster.world.run({ untilMs: cluster.world.now + 120_000 })
    assert.deepEqual(cluster.node('a').status().members, ['a'])
    await cluster.stopAll()
  })
})
