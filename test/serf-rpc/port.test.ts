import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, describe, test } from 'node:test'
import { pino } from 'pino'
import { realClock } from '../../src/env/real-clock.ts'
import { realStreams } from '../../src/env/real-streams.ts'
import { connectSerf } from '../../src/serf-rpc/client.ts'
import { openSerfRpc, type SerfRpc } from '../../src/serf-rpc/port.ts'
import { ManualClock } from '../server/manual-clock.ts'
import { FakeAgent, member } from './fake-agent.ts'

const log = pino({ level: 'silent' })
const at = { host: '127.0.0.1', port: 0 }

describe('a port', () => {
  const ports: SerfRpc[] = []
  const sockets: Socket[] = []
  after(() => {
    for (const port of ports) port.close()
    for (const socket of sockets) socket.destroy()
  })
  const open = async (agent: FakeAgent, clock = realClock, authKey?: string): Promise<SerfRpc> => {
    const env = { clock, streams: realStreams }
    const port = await openSerfRpc({ env, at, agent, log, ...(authKey !== undefined && { authKey }) })
    ports.push(port)
    return port
  }
  const dial = async ({ address }: SerfRpc): Promise<Socket> => {
    const socket = connect(address.port, address.host)
    sockets.push(socket.on('error', () => undefined).resume())
    await once(socket, 'connect')
    return socket
  }
  const client = (port: SerfRpc, authKey?: string) =>
    connectSerf({
      env: { clock: realClock, streams: realStreams },
      ...{ at: port.address, timeoutMs: 10_000 },
      ...(authKey !== undefined && { authKey }),
    })

  test('a client is told what it asks, hears events and lines, and answers queries', async () => {
    const agent = new FakeAgent()
    const asking = await client(await open(agent, realClock, 'sesame'), 'sesame')
    assert.deepEqual(
      (await asking.members()).map(({ name }) => name),
      ['alpha', 'bravo', 'charlie'],
    )
    assert.equal(await asking.join(['x'], false), 1)
    await asking.changeTags(new Map([['a', 'b']]), ['role'])
    await asking.event('deploy', Buffer.from('now'), true)
    await assert.rejects(asking.event('big', new Uint8Array(600), true), { code: 'REQUEST_MALFORMED' })
    assert.equal((await asking.key('list-keys', '')).keys.size, 1)
    await assert.rejects(asking.key('install-key', '!!!'), { code: 'REQUEST_MALFORMED' })
    assert.equal((await asking.coordinate('bravo'))?.vec.length, 8)
    assert.equal(await asking.coordinate('nobody'), undefined)
    assert.deepEqual(agent.orders, ['join x false', 'setTags a=b', 'event deploy now true', 'list'])

    const answers: string[] = []
    const query = new Promise<bigint>((resolve, reject) => {
      asking
        .stream('query', ({ id }) => resolve(id), reject)
        .then(() => {
          agent.tell({ kind: 'joined', members: [member('delta')] })
          agent.tell({ kind: 'query', query: agent.received('load', answers) })
        }, reject)
    })
    await asking.respond(await query, Buffer.from('0.5'))
    await assert.rejects(asking.respond(99n, Buffer.from('0.5')), /No pending queries/)
    assert.deepEqual(answers, ['0.5'])

    agent.answers = [{ kind: 'response', from: 'bravo', payload: Uint8Array.of(7) }]
    const heard: string[] = []
    await new Promise<void>((resolve, reject) => {
      const hear = ({ type, from }: { type: string; from: string }) => {
        heard.push(`${type} ${from}`)
        if (type === 'done') resolve()
      }
      asking.query('load', new Uint8Array(), {}, hear, reject).catch(reject)
    })
    assert.deepEqual(heard, ['response bravo', 'done '])
    asking.close()
    await assert.rejects(asking.members(), { code: 'UNAVAILABLE' })
  })

  test('a wrong key, and a port where nobody is, are errors of their own', async () => {
    const port = await open(new FakeAgent(), realClock, 'sesame')
    await assert.rejects(client(port, 'open'), { code: 'UNAUTHENTICATED' })
    const keyless = await client(port)
    await assert.rejects(keyless.members(), { code: 'UNAUTHENTICATED' })
    port.close()
    await assert.rejects(client(port), { code: 'UNAVAILABLE' })
  })

  test('a client learns that the port is gone', async () => {
    const port = await open(new FakeAgent())
    const asking = await client(port)
    const gone = new Promise<Error>((resolve) => {
      asking.monitor('info', () => undefined, resolve).then(() => port.close(), resolve)
    })
    assert.match((await gone).message, /closed the connection|broke/)
  })

  test('whoever does not shake hands in time is put out, whoever does may stay', async () => {
    const clock = new ManualClock()
    const port = await open(new FakeAgent(), clock)
    const silent = await dial(port)
    const asking = await client(port)
    const closed = once(silent, 'close')
    clock.pass(10_000)
    await closed
    assert.equal((await asking.members()).length, 3)
    asking.close()
  })

  test('one connection too many is closed, and there is room again when others have gone', async () => {
    const port = await open(new FakeAgent())
    const crowd = await Promise.all(Array.from({ length: 128 }, () => dial(port)))
    const one = await dial(port)
    if (!one.destroyed) await once(one, 'close')
    for (const socket of crowd) socket.end()
    await Promise.all(crowd.map((socket) => (socket.destroyed ? undefined : once(socket, 'close'))))
    const asking = await client(port)
    assert.equal((await asking.members()).length, 3)
    asking.close()
  })

  test('an address in use is an error with a code', async () => {
    const { address } = await open(new FakeAgent())
    const env = { clock: realClock, streams: realStreams }
    await assert.rejects(openSerfRpc({ env, at: address, agent: new FakeAgent(), log }), { code: 'ADDRESS_UNUSABLE' })
  })
})
