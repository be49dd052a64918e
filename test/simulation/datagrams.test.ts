import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Address, DatagramSocket, NetworkError } from '../../src/env/env.ts'
import type { NetworkSettings } from '../../src/simulation/network.ts'
import { createWorld } from '../../src/simulation/world.ts'
import { bytesOf, calm, textOf } from './calm.ts'

async function twoHosts(network: Partial<NetworkSettings> = calm, seed = 1) {
  const world = createWorld({ seed, network })
  const [a, b] = [world.addHost('a'), world.addHost('b')]
  const got: string[] = []
  const from: Address[] = []
  const receive = (packet: Uint8Array, sender: Address): void => {
    got.push(textOf(packet))
    from.push(sender)
  }
  const bind = (env: typeof a.env): Promise<DatagramSocket> =>
    world.complete(env.datagrams.bind({ host: '0.0.0.0', port: 7946 }, receive))
  const [atA, atB] = [await bind(a.env), await bind(b.env)]
  const send = (text: string): void => atA.send(bytesOf(text), { host: b.ip, port: 7946 })
  return { world, a, b, atA, atB, got, from, send, rest: () => world.run({ untilMs: world.now + 1000 }) }
}

test('a packet arrives late, as a copy, and with its sender address', async () => {
  const { world, atA, b, got, from, rest } = await twoHosts()
  const packet = bytesOf('hello')
  const sentAt = world.now
  atA.send(packet, { host: b.ip, port: 7946 })
  packet.fill(0)
  await world.run({ until: () => got.length > 0 })
  assert.ok(world.now >= sentAt + 1 && world.now <= sentAt + 2)
  await rest()
  assert.deepEqual(got, ['hello'])
  assert.deepEqual(from, [{ host: '10.0.0.1', port: 7946 }])
})

test('loopback stays on the host and names the loopback as sender', async () => {
  const { atA, got, from, rest } = await twoHosts()
  atA.send(bytesOf('to myself'), { host: '127.0.0.1', port: 7946 })
  await rest()
  assert.deepEqual(got, ['to myself'])
  assert.equal(from[0]?.host, '127.0.0.1')
})

test('ports: taken, picked, foreign addresses, nobody there', async () => {
  const { world, a, b, atA, got, rest } = await twoHosts()
  const bind = (host: string, port: number) => world.complete(a.env.datagrams.bind({ host, port }, () => {}))
  const coded = (code: string) => (error: NetworkError) => error.code === code
  await assert.rejects(bind('0.0.0.0', 7946), coded('EADDRINUSE'))
  await assert.rejects(bind(b.ip, 1), coded('EADDRNOTAVAIL'))
  const picked = await bind(a.ip, 0)
  assert.ok(picked.address.port >= 49_152)
  picked.close()
  const errors: string[] = []
  const failed = (error: NetworkError): void => {
    errors.push(error.code)
  }
  atA.send(bytesOf('x'), { host: b.ip, port: 1 }, failed)
  atA.send(bytesOf('x'), { host: '10.9.9.9', port: 1 }, failed)
  atA.send(new Uint8Array(70_000), { host: b.ip, port: 7946 }, failed)
  assert.deepEqual(errors, [], 'told later, never inside send')
  await rest()
  assert.deepEqual(errors, ['ENETUNREACH', 'EMSGSIZE'])
  assert.deepEqual(got, [])
})

test('loss, duplication and reordering come at about the rates that were asked for', async () => {
  const weather = { ...calm.weather!, loss: 0.2, duplicate: 0.1, reorder: 0.3 }
  const { send, got, rest } = await twoHosts({ weather })
  for (let index = 0; index < 2000; index++) send(String(index))
  await rest()
  const distinct = new Set(got)
  assert.ok(distinct.size > 1550 && distinct.size < 1750, `${distinct.size} of 2000 arrived`)
  assert.ok(got.length - distinct.size > 70 && got.length - distinct.size < 220, `${got.length - distinct.size} twice`)
  const inversions = got.filter((text, at) => at > 0 && Number(text) < Number(got[at - 1])).length
  assert.ok(inversions > 200)
})

test('a partition drops what is sent and what is under way; healing lets new packets through', async () => {
  const { world, send, got, rest } = await twoHosts()
  send('under way')
  world.partition([['a'], ['b']])
  send('while apart')
  await rest()
  world.heal()
  send('after')
  await rest()
  assert.deepEqual(got, ['after'])
})

test('hosts that no group names reach each other and nobody else', async () => {
  const { world, send, got, rest } = await twoHosts()
  world.addHost('c')
  world.partition([['c']])
  send('a and b are the rest')
  await rest()
  world.partition([['a']])
  send('a is alone')
  await rest()
  assert.deepEqual(got, ['a and b are the rest'])
})

test('a one-way block drops one direction only', async () => {
  const { world, a, atB, send, got, rest } = await twoHosts()
  world.block('a', 'b')
  send('a to b')
  atB.send(bytesOf('b to a'), { host: a.ip, port: 7946 })
  await rest()
  assert.deepEqual(got, ['b to a'])
})

test('packets under way outlive their sender; a dead or closed socket neither sends nor receives', async () => {
  const { world, a, b, atA, atB, send, got, rest } = await twoHosts()
  send('last words')
  a.kill()
  send('from beyond')
  await rest()
  assert.deepEqual(got, ['last words'])
  atB.close()
  atB.close()
  const again = await world.complete(a.start().datagrams.bind({ host: a.ip, port: 7946 }, () => {}))
  again.send(bytesOf('nobody hears'), { host: b.ip, port: 7946 })
  atA.send(bytesOf('old socket'), { host: b.ip, port: 7946 })
  await rest()
  assert.deepEqual(got, ['last words'])
  assert.deepEqual(b.open()?.sockets, [])
  assert.deepEqual(a.open()?.sockets, ['10.0.0.1:7946'])
})

test('weather over one host slows its links alone, until it calms', async () => {
  const { world, send, got, rest } = await twoHosts()
  world.setWeather({ loss: 1 }, ['b'])
  send('lost')
  await rest()
  world.calm()
  send('found')
  await rest()
  assert.deepEqual(got, ['found'])
})
