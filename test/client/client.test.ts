import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicSettings } from '../../src/client/servers.ts'
import { ReeveError } from '../../src/errors.ts'
import {
  DeleteTopicResponseSchema,
  GetServersResponseSchema,
  LeaveResponseSchema,
  ListTopicsResponseSchema,
  ServerStatus,
  SetTopicRequestSchema,
  SetTopicResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { clientOf, epochBytes, epochOf, fakeCluster, type Handler, read } from './fake-cluster.ts'

const answering =
  (answer: (call: Parameters<Handler>[0]) => void): Handler =>
  (call) => {
    call.onMessage = () => answer(call)
  }

test('members come as values, those that are no Reeve nodes too', async () => {
  const cluster = fakeCluster({
    '127.0.0.1:1': {
      GetServers: answering((call) => {
        call.send(GetServersResponseSchema, {
          servers: [
            {
              name: 'a',
              rpcAddress: '127.0.0.1:1',
              gossipAddress: '127.0.0.1:2',
              status: ServerStatus.ALIVE,
              tags: { role: 'x' },
              epoch: epochBytes(7),
              self: true,
              replicator: '',
              rttMs: 1.5,
            },
            { name: 'guest', gossipAddress: '127.0.0.1:3', status: ServerStatus.FAILED },
          ],
        })
        call.finish()
      }),
    },
  })
  const [a, guest] = await clientOf(cluster).servers()
  assert.deepEqual(a, {
    name: 'a',
    rpcAddress: '127.0.0.1:1',
    gossipAddress: '127.0.0.1:2',
    status: 'alive',
    tags: new Map([['role', 'x']]),
    epoch: epochOf(7),
    self: true,
    replicator: '',
    rttMs: 1.5,
  })
  assert.equal(guest?.status, 'failed')
  assert.equal(guest?.rpcAddress, undefined)
  assert.equal(guest?.epoch, undefined)
  assert.equal(guest?.rttMs, undefined)
})

test('topics come with the bounds of their logs', async () => {
  const cluster = fakeCluster({
    '127.0.0.1:1': {
      ListTopics: answering((call) => {
        const log = { origin: 'a', epoch: epochBytes(1), start: 5n, end: 9n, bytes: 100n, oldestTimestamp: 7n << 16n }
        const settings = { retentionMs: 5n, maxRecordBytes: 6 }
        call.send(ListTopicsResponseSchema, { topics: [{ name: 't', logs: [log], settings }, { name: 'u' }] })
        call.finish()
      }),
    },
  })
  assert.deepEqual(await clientOf(cluster).topics(), [
    {
      name: 't',
      logs: [{ origin: 'a', epoch: epochOf(1), start: 5, end: 9, bytes: 100, oldestMs: 7, newestMs: undefined }],
      settings: { retentionMs: 5, maxRecordBytes: 6 },
    },
    { name: 'u', logs: [], settings: undefined },
  ])
})

test('settings of a topic go out and come back; what is no number never leaves', async () => {
  const asked: unknown[] = []
  const cluster = fakeCluster({
    '127.0.0.1:1': {
      SetTopic: (call) => {
        call.onMessage = (bytes) => {
          const { topic, settings, createOnly } = read(SetTopicRequestSchema, bytes)
          asked.push([topic, settings?.retentionBytes, settings?.retentionMs, createOnly])
          call.send(SetTopicResponseSchema, { settings: settings! })
          call.finish()
        }
      },
      DeleteTopic: answering((call) => {
        call.send(DeleteTopicResponseSchema, {})
        call.finish()
      }),
    },
  })
  const client = clientOf(cluster)
  const settings = { retentionBytes: 2 ** 40, retentionMs: 0 }
  assert.deepEqual(await client.setTopic('t', settings, { createOnly: true }), settings)
  assert.deepEqual(await client.setTopic('t'), {})
  await client.deleteTopic('t')
  assert.deepEqual(asked, [
    ['t', 2n ** 40n, 0n, true],
    ['t', undefined, undefined, false],
  ])
  for (const wrong of [{ retentionMs: 1.5 }, { retentionBytes: -1 }, { maxRecordBytes: 2 ** 32 }, { retention: 1 }]) {
    await assert.rejects(client.setTopic('t', wrong as TopicSettings), { code: 'TOPIC_SETTINGS_INVALID' })
  }
  assert.equal(asked.length, 2)
})

test('a question goes to the next server when one cannot be reached', async () => {
  const cluster = fakeCluster({ '127.0.0.1:1': {}, '127.0.0.1:2': {} })
  cluster.cut('127.0.0.1:1')
  assert.equal((await clientOf(cluster).servers()).length, 2)
  assert.deepEqual(cluster.calls, ['127.0.0.1:1 GetServers', '127.0.0.1:2 GetServers'])
})

test('a refusal is final: no other server is asked', async () => {
  const refuse = answering((call) => call.finish(new ReeveError('PERMISSION_DENIED', 'no')))
  const cluster = fakeCluster({ '127.0.0.1:1': { GetServers: refuse }, '127.0.0.1:2': {} })
  await assert.rejects(clientOf(cluster).servers(), { code: 'PERMISSION_DENIED' })
  assert.deepEqual(cluster.calls, ['127.0.0.1:1 GetServers'])
})

test('no server at all: UNAVAILABLE, naming each and why', async () => {
  const cluster = fakeCluster({ '127.0.0.1:1': {}, '127.0.0.1:2': {} })
  cluster.cut('127.0.0.1:1')
  cluster.cut('127.0.0.1:2')
  await assert.rejects(clientOf(cluster, 0).servers(), {
    code: 'UNAVAILABLE',
    message: /127\.0\.0\.1:1: .* is gone; 127\.0\.0\.1:2: .* is gone/,
  })
})

test('servers that take calls and say nothing share the time that there is', async () => {
  const silent = { GetServers: () => undefined }
  const cluster = fakeCluster({ '127.0.0.1:1': silent, '127.0.0.1:2': {} })
  assert.equal((await clientOf(cluster, 400).servers()).length, 2)
  assert.deepEqual(cluster.calls, ['127.0.0.1:1 GetServers', '127.0.0.1:2 GetServers'])
  assert.ok((cluster.limits[0] as number) <= 200, `${cluster.limits}`)
  const nobody = fakeCluster({ '127.0.0.1:1': silent, '127.0.0.1:2': silent })
  await assert.rejects(clientOf(nobody, 400).servers(), {
    code: 'UNAVAILABLE',
    message: /127\.0\.0\.1:1: no answer in time; 127\.0\.0\.1:2: no answer in time/,
  })
  assert.ok(nobody.limits.reduce((sum, limitMs) => sum + limitMs, 0) <= 600, `${nobody.limits}`)
})

test('a malformed answer is an error with a code', async () => {
  const garbage = answering((call) => {
    call.sendBytes(new Uint8Array([0xff, 0xff]))
    call.finish()
  })
  const cluster = fakeCluster({ '127.0.0.1:1': { GetServers: garbage } })
  await assert.rejects(clientOf(cluster).servers(), { code: 'INTERNAL' })
})

test('leave asks the first server and no other', async () => {
  const leave = answering((call) => {
    call.send(LeaveResponseSchema, {})
    call.finish()
  })
  const cluster = fakeCluster({ '127.0.0.1:1': { Leave: leave }, '127.0.0.1:2': { Leave: leave } })
  await clientOf(cluster).leave()
  cluster.cut('127.0.0.1:1')
  await assert.rejects(clientOf(cluster).leave(), { code: 'UNAVAILABLE' })
  assert.deepEqual(cluster.calls, ['127.0.0.1:1 Leave', '127.0.0.1:1 Leave'])
})

test('a server that goes away before it says anything is like one that is not there: the next one is asked', async () => {
  const mute = answering((call) => call.finish())
  const cluster = fakeCluster({ '127.0.0.1:1': { GetServers: mute }, '127.0.0.1:2': {} })
  const servers = await clientOf(cluster).servers()
  assert.deepEqual(cluster.calls, ['127.0.0.1:1 GetServers', '127.0.0.1:2 GetServers'])
  assert.equal(servers.length, 2)
})
