import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, test } from 'node:test'
import { pino } from 'pino'
import { type Gossip, type GossipFact, type GossipOptions, startGossip } from '../../src/actors/gossip.ts'
import { type Clock, type Datagrams, NetworkError, type Timer } from '../../src/env/env.ts'
import { createRealEnv } from '../../src/env/real.ts'
import { realClock } from '../../src/env/real-clock.ts'
import { realDatagrams } from '../../src/env/real-datagrams.ts'
import { realRandom } from '../../src/env/real-random.ts'
import { realStreams } from '../../src/env/real-streams.ts'
import { profiles } from '../../src/gossip/profile.ts'
import { createStreamReader, encodeStream } from '../../src/gossip/stream-codec.ts'

const env = createRealEnv()
const loopback = { host: '127.0.0.1', port: 0 }
const running: Gossip[] = []

async function start(
  name: string,
  options: Partial<GossipOptions> = {},
  config: Partial<GossipOptions['config']> = {},
) {
  const facts: GossipFact[] = []
  const gossip = await startGossip({
    env,
    log: pino({ level: 'silent' }),
    emit: (fact) => facts.push(fact),
    config: { name, bind: loopback, tags: new Map(), profile: profiles.lan, compression: true, ...config },
    ...options,
  })
  running.push(gossip)
  return { gossip, facts, at: `${gossip.address.host}:${gossip.address.port}` }
}

const servers: Server[] = []

/** Somebody on a port of this machine. */
async function listen(accept: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    accept(socket)
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as { port: number }).port }
}

afterEach(() => {
  for (const gossip of running.splice(0)) gossip.close()
  for (const server of servers.splice(0)) server.close()
})

describe('binding', () => {
  test('one port for packets and streams, chosen again when another process has one half of it', async () => {
    let attempts = 0
    const datagrams: Datagrams = {
      bind: (at, receive) => {
        attempts += 1
        if (attempts < 3) return Promise.reject(new NetworkError('EADDRINUSE'))
        return realDatagrams.bind(at, receive)
      },
    }
    const { gossip } = await start('a', { env: { ...env, datagrams } })
    assert.equal(attempts, 3)
    assert.equal(gossip.address.port > 0, true)
  })

  test('a port that is taken is a clear error, and so is an address that is not ours', async () => {
    const { gossip } = await start('a')
    await assert.rejects(start('b', {}, { bind: gossip.address }), { code: 'ADDRESS_UNUSABLE' })
    await assert.rejects(start('b', {}, { bind: { host: '192.0.2.1', port: 0 } }), { code: 'ADDRESS_UNUSABLE' })
  })

  test('the advertised address is what is asked for, else the bound one, else our own best', async () => {
    const asked = await start('a', {}, { advertise: { host: '10.1.2.3', port: 0 } })
    assert.equal(asked.gossip.address.host, '10.1.2.3')
    assert.equal(asked.gossip.address.port > 0, true)
    const streams = { ...realStreams, ownAddresses: () => ['10.9.9.9', '127.0.0.1'] }
    const all = await start('b', { env: { ...env, streams } }, { bind: { host: '0.0.0.0', port: 0 } })
    assert.equal(all.gossip.address.host, '10.9.9.9')
    await assert.rejects(start('c', {}, { tags: new Map([['big', 'x'.repeat(600)]]) }), { code: 'REQUEST_MALFORMED' })
  })
})

describe('joining', () => {
  test('our own address is passed over, so that all may have the same list', async () => {
    const a = await start('a')
    const b = await start('b')
    assert.equal(await a.gossip.join([a.at]), 0)
    assert.equal(await b.gossip.join([a.at, b.at, a.at]), 1)
    assert.deepEqual(
      b.gossip.members().map(({ name, status }) => `${name} ${status}`),
      ['b alive', 'a alive'],
    )
    assert.deepEqual(
      b.facts.map(({ kind }) => kind),
      ['joined', 'accompanied'],
    )
  })

  test('nobody there, no such host, no address at all: unavailable, with the reasons', async () => {
    const a = await start('a')
    const gone = await start('gone')
    gone.gossip.close()
    await assert.rejects(a.gossip.join([gone.at, 'no-such-host.invalid', 'not an address']), (error: Error) => {
      assert.match(error.message, new RegExp(`${gone.at}.*ECONNREFUSED`))
      assert.match(error.message, /no-such-host.invalid/)
      assert.match(error.message, /not an address: not an address/)
      return (error as { code?: string }).code === 'UNAVAILABLE'
    })
  })

  test('one that answers is enough', async () => {
    const a = await start('a')
    const b = await start('b')
    const gone = await start('gone')
    gone.gossip.close()
    assert.equal(await b.gossip.join([gone.at, a.at]), 1)
  })

  test('a cluster whose protocol we do not speak, and one that is encrypted, are not joined', async () => {
    const vsn = Uint8Array.of(9, 9, 9, 2, 5, 5)
    const node = { name: 'future', addr: Uint8Array.of(127, 0, 0, 1), port: 1, meta: new Uint8Array() }
    const nodes = [{ ...node, incarnation: 1, state: 0, vsn }]
    const state = encodeStream({ kind: 'pushPull', join: true, nodes, userState: new Uint8Array() }, { compress: true })
    const refusal = encodeStream({ kind: 'error', text: 'we are encrypted' }, { compress: true })
    const a = await start('a')
    for (const [answer, reason] of [
      [state, /protocol version \(9\) is incompatible|incompatible/],
      [refusal, /remote error: we are encrypted/],
    ] as const) {
      const { port } = await listen((socket) => socket.once('data', () => socket.end(answer)))
      await assert.rejects(a.gossip.join([`127.0.0.1:${port}`]), { code: 'UNAVAILABLE', message: reason })
    }
    assert.equal(a.gossip.members().length, 1)
  })
})

describe('streams', () => {
  test('one that stops half way is cut in the end, and counted', async () => {
    const { gossip } = await start('a', {}, { profile: { ...profiles.lan, streamTimeoutMs: 50 } })
    const socket = connect(gossip.address.port, gossip.address.host)
    socket.write(Uint8Array.of(6, 0x83))
    await once(socket.resume(), 'close')
    assert.equal(gossip.stats().problems.get('slow'), 1)
  })

  test('an answer that never comes ends a join in time', async () => {
    const { port } = await listen(() => {})
    const { gossip } = await start('a', {}, { profile: { ...profiles.lan, streamTimeoutMs: 200 } })
    await assert.rejects(gossip.join([`127.0.0.1:${port}`]), /in time|timed out/)
  })

  test('layers that cannot be opened are answered with an error', async () => {
    const { gossip } = await start('a')
    const socket = connect(gossip.address.port, gossip.address.host)
    // An encrypted stream.
    socket.write(Uint8Array.of(10, 0, 0, 0, 1, 0))
    const [answer] = (await once(socket, 'data')) as [Uint8Array]
    const outcome = createStreamReader().push(answer)
    assert.ok(outcome?.ok && outcome.value.kind === 'error')
    socket.destroy()
  })
})

describe('the end', () => {
  test('closing releases the port and all timers, and rejects what is under way', async () => {
    const timers = new Set<Timer>()
    const clock: Clock = {
      ...realClock,
      setTimeout: (callback, delayMs) => {
        const timer = realClock.setTimeout(() => {
          timers.delete(timer)
          callback()
        }, delayMs)
        timers.add(timer)
        return timer
      },
      clearTimeout: (timer) => {
        if (timer !== undefined) timers.delete(timer)
        realClock.clearTimeout(timer)
      },
    }
    const { server, port } = await listen(() => {})
    const { gossip } = await start('a', { env: { ...env, clock } })
    const accepted = once(server, 'connection')
    const join = gossip.join([`127.0.0.1:${port}`])
    const rejected = assert.rejects(join, { code: 'NODE_STOPPING' })
    await accepted
    gossip.close()
    await rejected
    await assert.rejects(gossip.setTags(new Map()), { code: 'NODE_STOPPING' })
    await start('again', {}, { bind: gossip.address })
    assert.equal(timers.size, 0)
  })

  test('leaving twice is leaving once', async () => {
    const { gossip } = await start('a')
    await Promise.all([gossip.leave(), gossip.leave()])
    assert.equal(gossip.members()[0]?.status, 'left')
  })

  test('a defect in the core ends it with a fact instead of taking the process down', async () => {
    let broken = false
    const failed = new Promise<GossipFact>((resolve, reject) => {
      const random = {
        ...realRandom,
        fraction: () => {
          if (broken) throw new Error('no more chance')
          return realRandom.fraction()
        },
      }
      start('a', { env: { ...env, random }, emit: resolve }).then(({ gossip }) => {
        broken = true
        return gossip.address
      }, reject)
    })
    const fact = await failed
    assert.equal(fact.kind, 'ended')
    await assert.rejects((running[0] as Gossip).setTags(new Map()), { code: 'NODE_STOPPING' })
  })
})
