import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import type { RpcRoute } from '../../src/env/env.ts'
import {
  DeleteTopicRequestSchema,
  ListTopicsResponseSchema,
  SetTopicRequestSchema,
  SetTopicResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import { produce } from '../../src/server/produce.ts'
import { deleteTopic, setTopic } from '../../src/server/topic-settings.ts'
import { listTopics } from '../../src/server/topics.ts'
import { callOf, errorOf, parts, produceRequest, records } from './parts.ts'

const encode = <T extends DescMessage>(schema: T, init: MessageInitShape<T>) => toBinary(schema, create(schema, init))
const setRequest = (init: MessageInitShape<typeof SetTopicRequestSchema>) => encode(SetTopicRequestSchema, init)
const deleteRequest = (topic: string) => encode(DeleteTopicRequestSchema, { topic })
const certificate = (name: string) => ({ certificate: { uris: [], dnsNames: [name] } })

const call = (route: RpcRoute, bytes: Uint8Array, options = {}) => callOf(route.handle, options).say(bytes).end()

test('settings are answered as they are in force, are listed, and hold for the next produce', async () => {
  const deps = parts()
  const limits = (topic: string) => ({ ...deps.limits(), maxRecordBytes: deps.topics.policy(topic).maxRecordBytes })
  const handle = produce({ ...deps, limits })
  const write = (value: string) =>
    callOf(handle)
      .say(produceRequest({ topic: 'orders', batch: records(value) }))
      .end()
  assert.equal(await write('x'.repeat(50)).done, undefined)
  const settings = { retentionMs: 7000n, maxRecordBytes: 20 }
  const set = call(setTopic(deps), setRequest({ topic: 'orders', settings }))
  assert.equal(await set.done, undefined)
  const answer = set.answers(SetTopicResponseSchema)[0]?.settings
  assert.deepEqual([answer?.retentionMs, answer?.maxRecordBytes, answer?.retentionBytes], [7000n, 20, undefined])
  const refused = await errorOf(write('x'.repeat(50)))
  assert.deepEqual([refused.code, refused.facts.limit], ['BATCH_TOO_LARGE', '20'])
  const listed = call(listTopics(deps), new Uint8Array())
  await listed.done
  assert.equal(listed.answers(ListTopicsResponseSchema)[0]?.topics[0]?.settings?.maxRecordBytes, 20)
  assert.equal(await call(setTopic(deps), setRequest({ topic: 'orders' })).done, undefined)
  assert.equal(await write('x'.repeat(50)).done, undefined, 'without settings the node’s own hold again')
})

test('a declared topic is listed without records, and no longer once it is deleted', async () => {
  const deps = parts()
  const names = async () => {
    const listed = call(listTopics(deps), new Uint8Array())
    await listed.done
    return listed.answers(ListTopicsResponseSchema)[0]?.topics.map(({ name }) => name)
  }
  await call(setTopic(deps), setRequest({ topic: 'orders', createOnly: true })).done
  assert.deepEqual(await names(), ['orders'])
  const again = call(setTopic(deps), setRequest({ topic: 'orders', createOnly: true }))
  assert.equal((await errorOf(again)).code, 'TOPIC_EXISTS')
  assert.equal(await call(deleteTopic(deps), deleteRequest('orders')).done, undefined)
  assert.deepEqual(await names(), [])
  assert.equal((await errorOf(call(deleteTopic(deps), deleteRequest('orders')))).code, 'TOPIC_UNKNOWN')
})

test('what cannot be set is refused with its bound, and so are names that are no users’ topic', async () => {
  const deps = parts()
  const settings = { segmentMaxBytes: 5n }
  const invalid = await errorOf(call(setTopic(deps), setRequest({ topic: 'orders', settings })))
  assert.deepEqual(
    [invalid.code, invalid.facts.setting, invalid.facts.min],
    ['TOPIC_SETTINGS_INVALID', 'segmentMaxBytes', '65536'],
  )
  for (const topic of ['', '../x', '_catalog']) {
    assert.equal((await errorOf(call(setTopic(deps), setRequest({ topic })))).code, 'TOPIC_NAME_INVALID')
    assert.equal((await errorOf(call(deleteTopic(deps), deleteRequest(topic)))).code, 'TOPIC_NAME_INVALID')
  }
})

test('both need the act admin on the topic', async () => {
  const policyText = 'p, ops, *, admin\np, mill, flour.*, admin\np, shop, *, produce\n'
  const deps = parts({ access: createAccess(await createAuthorizer({ policyText }), true) })
  for (const [name, topic, may] of [
    ['ops', 'orders', true],
    ['mill', 'flour.white', true],
    ['mill', 'orders', false],
    ['shop', 'orders', false],
  ] as const) {
    for (const made of [
      call(setTopic(deps), setRequest({ topic }), certificate(name)),
      call(deleteTopic(deps), deleteRequest(topic), certificate(name)),
    ]) {
      if (may) assert.equal(await made.done, undefined, `${name} ${topic}`)
      else assert.deepEqual((await errorOf(made)).facts, { subject: name, act: 'admin', topic })
    }
  }
})
