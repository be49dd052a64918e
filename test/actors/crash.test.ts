/** A crash inside any actor of a real node releases what it held: sockets, files, timers, calls. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { parseConfig } from '../../src/config.ts'
import type { Env } from '../../src/env/env.ts'
import { NetworkError } from '../../src/env/env.ts'
import { ReeveError } from '../../src/errors.ts'
import { createNode } from '../../src/node.ts'
import type { Host } from '../../src/simulation/host.ts'
import { createWorld, type World } from '../../src/simulation/world.ts'
import { Cluster } from '../replication/cluster.ts'

function nodeOn(host: Host, env: Env = host.env) {
  const config = parseConfig(
    { nodeName: host.name, bindAddr: `${host.ip}:7946`, rpcPort: 8400, insecure: true, dataDir: '/data' },
    { hostName: host.name, resolvePath: (path) => path },
  )
  return createNode(config, env, { log: pino({ level: 'silent' }) })
}

const nothing = { timers: [], sockets: [], listeners: [], streams: [], channels: [], calls: [], files: [], locks: [] }

/** Starts a node whose door fails somewhere; it must say why in one error and leave nothing open. */
async function startInVain(code: string, spoil: (env: Env, world: World, host: Host) => Env) {
  const world = createWorld({ seed: 1 })
  const host = world.addHost('a')
  const node = nodeOn(host, spoil(host.env, world, host))
  await assert.rejects(world.complete(node.start()), (error) => error instanceof ReeveError && error.code === code)
  assert.equal((await node.done)?.code, code)
  await world.run({ untilMs: world.now + 1000 })
  assert.deepEqual(host.open(), nothing)
}

describe('a node that cannot start', () => {
  it('says that its data folder cannot be used', () =>
    startInVain('DATA_DIR_UNUSABLE', (env, _, host) => {
      host.disk.failure = (operation) => (operation === 'makeFolder' ? 'EACCES' : undefined)
      return env
    }))

  it('says that its RPC port is taken', () =>
    startInVain('ADDRESS_UNUSABLE', (env) => ({
      ...env,
      rpc: {
        dial: (options) => env.rpc.dial(options),
        serve: () => Promise.reject(new ReeveError('ADDRESS_UNUSABLE', 'taken')),
      },
    })))

  it('says that its gossip port is taken, and gives the RPC port and the logs back', () =>
    startInVain('ADDRESS_UNUSABLE', (env) => ({
      ...env,
      datagrams: { bind: () => Promise.reject(new NetworkError('EADDRINUSE', 'taken')) },
    })))
})

describe('a node that is told to stop early', () => {
  it('has nothing to stop before it starts, and can start then', async () => {
    const world = createWorld({ seed: 1 })
    const node = nodeOn(world.addHost('a'))
    await world.complete(node.stop())
    await world.complete(node.start())
    await world.complete(node.stop())
    assert.equal(await node.done, undefined)
  })

  it('opens its logs to the end, closes them and stops in peace', async () => {
    const world = createWorld({ seed: 1 })
    const host = world.addHost('a')
    let release = () => {}
    const locked = new Promise<void>((resolve) => {
      release = resolve
    })
    const { disk } = host.env
    const lockFolder = disk.lockFolder.bind(disk)
    disk.lockFolder = (path, holder) => locked.then(() => lockFolder(path, holder))
    const node = nodeOn(host)
    const started = node.start()
    const stopped = node.stop()
    await world.run({ untilMs: world.now + 100 })
    release()
    await world.complete(Promise.all([started, stopped]))
    assert.equal(await node.done, undefined)
    assert.deepEqual(host.open(), nothing)
  })
})

describe('a running node', () => {
  it('stops, saying why, when a sync fails, and leaves nothing open', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    const host = cluster.host('a')
    host.disk.failure = (operation) => (operation === 'sync' ? 'EIO' : undefined)
    await assert.rejects(cluster.produce('a', 'lost'))
    const failure = await cluster.world.complete(a!.done)
    assert.equal(failure?.code, 'LOG_FAILED')
    await cluster.world.run({ untilMs: cluster.world.now + 1000 })
    assert.deepEqual(host.open(), nothing)
    cluster.host('a').kill()
    await cluster.stopAll()
  })

  it('stops, saying why, when gossip breaks inside, and leaves nothing open', async () => {
    const world = createWorld({ seed: 1 })
    const host = world.addHost('a')
    let broken = false
    const random = {
      bytes: (count: number) => host.env.random.bytes(count),
      fraction: () => {
        if (broken) throw new Error('a defect of ours')
        return host.env.random.fraction()
      },
    }
    const node = nodeOn(host, { ...host.env, random })
    await world.complete(node.start())
    broken = true
    const failure = await world.complete(node.done)
    assert.match(failure?.message ?? '', /defect|gossip/)
    await world.run({ untilMs: world.now + 1000 })
    assert.deepEqual(host.open(), nothing)
  })

  it('dials a peer again when the pull breaks inside, and copies on from its end', async () => {
    const cluster = new Cluster()
    const [a] = await cluster.startAll('a', 'b')
    await cluster.produce('a', 'one', { copies: 2 })
    const journal = cluster.node('b').journal!
    const replicate = journal.replicate
    journal.replicate = () => {
      journal.replicate = replicate
      return Promise.reject(new Error('a defect of ours'))
    }
    await cluster.produce('a', 'two')
    await cluster.until(() => cluster.log('b', 'a', a!.epoch)?.end === 2)
    assert.equal(cluster.node('b').status().replicators.a, 'live')
    await cluster.stopAll()
  })
})
