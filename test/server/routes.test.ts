import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import type { CallerCertificate, RpcRoute } from '../../src/env/env.ts'
import {
  GetServersResponseSchema,
  ListTopicsRequestSchema,
  ListTopicsResponseSchema,
  LogService,
  ProduceRequestSchema,
  ServerStatus,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { Member } from '../../src/gossip/member.ts'
import { ourVsn } from '../../src/gossip/versions.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { type Access, createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import { createRoutes } from '../../src/server/routes.ts'
import { knownNodes } from '../../src/server/servers.ts'
import { type FakeCall, settled } from './fake-call.ts'
import { epochA, epochB } from './memory-journal.ts'
import { callOf, errorOf, parts, produceRequest, records } from './parts.ts'

const tags = (entries: Record<string, string>) => new Map(Object.entries(entries))
const reeve = (epoch: string, port: number) =>
  tags({ rpc_addr: `10.0.0.1:${port}`, epoch, cluster: 'reeve', zone: 'eu' })
const vsn = ourVsn
const members: Member[] = [
  { name: 'a', host: '10.0.0.1', port: 7946, status: 'alive', vsn, tags: reeve(epochA, 1) },
  { name: 'b', host: 'fd00::2', port: 7946, status: 'failed', vsn, tags: reeve(epochB, 2) },
  { name: 'agent', host: '10.0.0.3', port: 7946, status: 'alive', vsn, tags: tags({ role: 'db' }) },
  {
    name: 'odd',
    host: '10.0.0.4',
    port: 7946,
    status: 'left',
    vsn,
    tags: tags({ rpc_addr: 'nonsense', epoch: '../x' }),
  },
]

const rttsMs = new Map([
  ['b', 40],
  ['agent', 2.5],
])

function node(options: { access?: Access; members?: Member[] } = {}) {
  const deps = parts(options)
  const left: string[] = []
  const routes = createRoutes({
    ...deps,
    maxBatchBytes: 1000,
    cluster: 'reeve',
    members: () => options.members ?? members,
    replicators: () => new Map([['b', 'parked']]),
    rttMs: async (name) => {
      if (name === 'odd') throw new Error('nobody to ask')
      return rttsMs.get(name)
    },
    requestLeave: () => left.push('asked'),
    inspecting: [],
  })
  const call = (name: keyof typeof LogService.method, bytes: Uint8Array, certificate?: CallerCertificate): FakeCall => {
    const route = routes.find(({ method }) => method === LogService.method[name])
    assert.ok(route, name)
    return callOf(route.handle, certificate ? { certificate } : {})
      .say(bytes)
      .end()
  }
  return { ...deps, routes, left, call }
}

const nothing = new Uint8Array(0)
const encode = <T extends DescMessage>(schema: T, init: MessageInitShape<T>) => toBinary(schema, create(schema, init))
const named = (name: string): CallerCertificate => ({ uris: [], dnsNames: [name] })

test('there is a route for every method of the contract, once', () => {
  const { routes } = node()
  const pathOf = ({ method }: RpcRoute) => `${method.parent.typeName}/${method.name}`
  const paths = routes.map(pathOf)
  assert.equal(new Set(paths).size, paths.length)
  for (const method of LogService.methods) assert.ok(paths.includes(`reeve.v1.LogService/${method.name}`), method.name)
  assert.deepEqual(
    routes.filter(({ hot }) => hot).map(({ method }) => method.name),
    ['Produce', 'ProduceStream', 'Consume', 'ConsumeStream'],
  )
})

test('all members are listed, the nearest first, Reeve nodes with where they are called', async () => {
  const call = node().call('getServers', nothing)
  assert.equal(await call.done, undefined)
  const servers = call.answers(GetServersResponseSchema)[0]?.servers ?? []
  assert.deepEqual(
    servers.map(({ name, rpcAddress, gossipAddress, status, self, replicator, rttMs }) => {
      return [name, rpcAddress, gossipAddress, status, self, replicator, rttMs]
    }),
    [
      ['a', '10.0.0.1:1', '10.0.0.1:7946', ServerStatus.ALIVE, true, '', 0],
      ['agent', '', '10.0.0.3:7946', ServerStatus.ALIVE, false, '', 2.5],
      ['b', '10.0.0.1:2', '[fd00::2]:7946', ServerStatus.FAILED, false, 'parked', 40],
      ['odd', '', '10.0.0.4:7946', ServerStatus.LEFT, false, '', undefined],
    ],
  )
  assert.deepEqual(Buffer.from(servers[2]?.epoch ?? []), Buffer.from(epochToBytes(epochB)))
  assert.equal(servers[3]?.epoch.length, 0)
  assert.deepEqual(servers[1]?.tags, { role: 'db' })
})

test('tags of hostile names do no harm', async () => {
  const hostile = new Map([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  const call = node({ members: [{ name: 'm', host: '10.0.0.3', port: 1, status: 'alive', vsn, tags: hostile }] }).call(
    'getServers',
    nothing,
  )
  assert.equal(await call.done, undefined)
  const tag = call.answers(GetServersResponseSchema)[0]?.servers[0]?.tags ?? {}
  assert.equal(Object.getPrototypeOf(tag), Object.prototype)
  assert.equal(Object.hasOwn(tag, 'constructor') && tag.constructor, 'y')
})

test('nodes that may hold copies: alive or failed Reeve nodes of the cluster, and this one', () => {
  const more = (name: string, status: Member['status'], cluster = 'reeve'): Member => {
    const with_ = new Map([...reeve(epochB, 3), ['cluster', cluster]])
    return { name, host: '10.0.0.9', port: 1, status, vsn, tags: with_ }
  }
  assert.equal(knownNodes([], 'a', 'reeve'), 1)
  assert.equal(knownNodes(members, 'a', 'reeve'), 2)
  assert.equal(knownNodes([...members, more('c', 'left'), more('d', 'leaving')], 'a', 'reeve'), 2)
  assert.equal(knownNodes([...members, more('c', 'alive'), more('d', 'failed')], 'a', 'reeve'), 4)
  assert.equal(knownNodes([...members, more('c', 'alive', 'other')], 'a', 'reeve'), 2)
})

test('as many copies as there are known nodes may be asked for, no more', async () => {
  const { call, journal, copies } = node()
  const three = call('produce', encode(ProduceRequestSchema, { topic: 'orders', batch: records('x'), copies: 3 }))
  assert.equal((await errorOf(three)).code, 'COPIES_IMPOSSIBLE')
  assert.equal(journal.appends, 0)
  const two = call('produce', encode(ProduceRequestSchema, { topic: 'orders', batch: records('x'), copies: 2 }))
  await settled()
  copies.note('b', `orders/a/${epochA}`, 1)
  assert.equal(await two.done, undefined)
})

test('topics are listed with the bounds of their logs, all or one', async () => {
  const { call, journal } = node()
  journal.add('orders', 'a', epochA, 'x', 'y')
  const log = journal.add('orders', 'b', epochB, 'x', 'y', 'z')
  log.start = 1
  journal.add('payments', 'a', epochA, 'x')
  const all = call('listTopics', nothing)
  await all.done
  const topics = all.answers(ListTopicsResponseSchema)[0]?.topics ?? []
  assert.deepEqual(
    topics.map(({ name, logs }) => [name, logs.map(({ origin, start, end }) => [origin, start, end])]),
    [
      [
        'orders',
        [
          ['a', 0n, 2n],
          ['b', 1n, 3n],
        ],
      ],
      ['payments', [['a', 0n, 1n]]],
    ],
  )
  assert.ok((topics[0]?.logs[0]?.bytes ?? 0n) > 0n)
  const one = call('listTopics', encode(ListTopicsRequestSchema, { topic: 'payments' }))
  await one.done
  assert.deepEqual(
    one.answers(ListTopicsResponseSchema)[0]?.topics.map(({ name }) => name),
    ['payments'],
  )
  const unknown = call('listTopics', encode(ListTopicsRequestSchema, { topic: 'nothing' }))
  assert.equal((await errorOf(unknown)).code, 'TOPIC_UNKNOWN')
  const invalid = call('listTopics', encode(ListTopicsRequestSchema, { topic: '../x' }))
  assert.equal((await errorOf(invalid)).code, 'TOPIC_NAME_INVALID')
})

test('leaving is asked for once a call and answered', async () => {
  const { call, left } = node()
  assert.equal(await call('leave', nothing).done, undefined)
  assert.deepEqual(left, ['asked'])
})

const policyText = `p, ops, *, admin
p, shop, orders.*, produce
p, anonymous, public.*, consume
`

test('every route asks for its right', async () => {
  const access = createAccess(await createAuthorizer({ policyText }), true)
  const { call, left, journal } = node({ access })
  journal.add('orders.eu', 'a', epochA, 'x')
  journal.add('public.news', 'a', epochA, 'x')

  const denied = await errorOf(call('leave', nothing, named('shop')))
  assert.equal(denied.code, 'PERMISSION_DENIED')
  assert.deepEqual(denied.facts, { subject: 'shop', act: 'admin', topic: '*' })
  assert.equal((await errorOf(call('leave', nothing))).code, 'UNAUTHENTICATED')
  assert.deepEqual(left, [])
  assert.equal(await call('leave', nothing, named('ops')).done, undefined)
  assert.deepEqual(left, ['asked'])

  const message = produceRequest({ topic: 'orders.eu', batch: records('x') })
  assert.equal(await call('produce', message, named('shop')).done, undefined)
  assert.equal((await errorOf(call('produce', message, named('ops')))).code, 'PERMISSION_DENIED')
  assert.equal((await errorOf(call('produceStream', message, named('ops')))).code, 'PERMISSION_DENIED')
  assert.equal((await errorOf(call('produce', message))).code, 'UNAUTHENTICATED')

  const visible = async (certificate?: CallerCertificate) => {
    const listed = call('listTopics', nothing, certificate)
    assert.equal(await listed.done, undefined)
    return listed.answers(ListTopicsResponseSchema)[0]?.topics.map(({ name }) => name)
  }
  assert.deepEqual(await visible(named('shop')), ['orders.eu'])
  assert.deepEqual(await visible(named('ops')), ['orders.eu', 'public.news'])
  assert.deepEqual(await visible(), ['public.news'])
  const hidden = call('listTopics', encode(ListTopicsRequestSchema, { topic: 'public.news' }), named('shop'))
  assert.equal((await errorOf(hidden)).code, 'PERMISSION_DENIED')
})

test('which nodes there are is told to whoever proved a name, and to those the policy names', async () => {
  const knows = node({ access: createAccess(await createAuthorizer({ policyText }), true) })
  assert.equal(await knows.call('getServers', nothing, named('stranger')).done, undefined)
  assert.equal(await knows.call('getServers', nothing).done, undefined)
  const strict = node({ access: createAccess(await createAuthorizer({ policyText: 'p, ops, *, admin\n' }), true) })
  assert.equal((await errorOf(strict.call('getServers', nothing))).code, 'UNAUTHENTICATED')
  const plain = node({ access: createAccess(await createAuthorizer({ policyText: 'p, ops, *, admin\n' }), false) })
  assert.equal((await errorOf(plain.call('getServers', nothing))).code, 'PERMISSION_DENIED')
})

test('a certificate with an improper name gets nowhere, whatever the method', async () => {
  const { routes, left, journal } = node()
  const certificate = { uris: ['spiffe://'], dnsNames: ['ops'] }
  for (const { method, handle } of routes) {
    if (method.parent !== LogService) continue
    const call = callOf(handle, { certificate }).say(nothing).end()
    assert.equal((await errorOf(call)).code, 'UNAUTHENTICATED', method.name)
  }
  assert.deepEqual([left.length, journal.appends], [0, 0])
})

test('a node that starts or stops says so, except to those who ask how it is', async () => {
  const { routes, phase } = node()
  for (const [now, code] of [
    ['starting', 'NODE_STARTING'],
    ['draining', 'NODE_STOPPING'],
    ['stopped', 'NODE_STOPPING'],
  ] as const) {
    phase.set(now)
    for (const { method, handle } of routes) {
      const call = callOf(handle).say(nothing)
      if (method.parent === LogService) assert.equal((await errorOf(call)).code, code, method.name)
      else if (method.name === 'Check') assert.equal(await call.done, undefined)
    }
  }
})
