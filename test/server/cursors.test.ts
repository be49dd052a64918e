import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  ConsumeResponseSchema,
  ConsumeStreamResponseSchema,
  LogService,
  StartAt,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import { consume } from '../../src/server/consume.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { cursorRoutes } from '../../src/server/cursors.ts'
import { epochA, epochB } from './memory-journal.ts'
import { callOf, consumeRequest, errorOf, followRequest, parts, valuesOf } from './parts.ts'

const topic = 'orders'
const name = 'mill'
type Parts = ReturnType<typeof parts>
type Unary = 'commitCursor' | 'getCursor' | 'listCursors' | 'deleteCursor'
type Request<N extends Unary> = MessageInitShape<(typeof LogService.method)[N]['input']>
type Answer<N extends Unary> = MessageShape<(typeof LogService.method)[N]['output']>

function call<N extends Unary>(deps: Parts, method: N, request: Request<N>, as?: string) {
  const { input } = LogService.method[method]
  const route = cursorRoutes(deps).find((each) => each.method === LogService.method[method])
  const bytes = toBinary(input as DescMessage, create(input as DescMessage, request as never))
  return callOf(route!.handle, as ? { certificate: { uris: [], dnsNames: [as] } } : {})
    .say(bytes)
    .end()
}

async function ask<N extends Unary>(deps: Parts, method: N, request: Request<N>): Promise<Answer<N>> {
  const made = call(deps, method, request)
  const error = await made.done
  if (error) throw error
  return made.answers(LogService.method[method].output as DescMessage)[0] as Answer<N>
}

async function read(deps: Parts, request: Parameters<typeof consumeRequest>[0]) {
  const made = callOf(consume(deps)).say(consumeRequest({ topic, ...request }))
  const error = await made.done
  if (error) throw error
  const answer = made.answers(ConsumeResponseSchema)[0]!
  return { values: answer.batches.flatMap(({ batch }) => valuesOf(batch)), cursor: answer.cursor }
}

test('a reading by name begins where the cursor of that name stands, or where it is told to when there is none', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'one', 'two')
  const first = await read(deps, { cursorName: name, maxRecords: 1 })
  assert.deepEqual(first.values, ['one'])
  assert.deepEqual((await read(deps, { cursorName: name, maxRecords: 1 })).values, ['one'])
  await ask(deps, 'commitCursor', { topic, name, cursor: first.cursor })
  assert.deepEqual((await read(deps, { cursorName: name })).values, ['two'])
  const stream = callOf(consumeStream(deps)).say(followRequest({ topic, cursorName: name }))
  assert.equal(await stream.done, undefined)
  const streamed = stream.answers(ConsumeStreamResponseSchema).flatMap(({ batches }) => batches)
  assert.deepEqual(
    streamed.flatMap(({ batch }) => valuesOf(batch)),
    ['two'],
  )
  // Who has a cursor of its own goes on there.
  const { cursor } = await read(deps, {})
  assert.deepEqual((await read(deps, { cursorName: name, cursor })).values, [])
})

test('a commit in the middle of an answer names the records that were taken', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'a1', 'a2', 'a3')
  deps.journal.add(topic, 'b', epochB, 'b1')
  const { cursor } = await read(deps, { origin: 'b' })
  const positions = [{ origin: 'a', epoch: epochToBytes(epochA), offset: 2n }]
  await ask(deps, 'commitCursor', { topic, name, cursor, positions })
  assert.deepEqual((await read(deps, { cursorName: name })).values, ['a3'])
})

test('who begins at a time is told at once where, so that a commit in the middle of the first answer loses nothing', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'before')
  const later = deps.journal.logOf(topic, 'b', epochB)
  later.nowMs += 1000
  const startTimeMs = BigInt(later.nowMs)
  deps.journal.add(topic, 'b', epochB, 'b1', 'b2')
  const stream = callOf(consumeStream(deps)).say(followRequest({ topic, startAt: StartAt.TIME, startTimeMs }))
  assert.equal(await stream.done, undefined)
  const [beginning] = stream.answers(ConsumeStreamResponseSchema)
  assert.deepEqual(beginning?.batches, [])
  const positions = [{ origin: 'b', epoch: epochToBytes(epochB), offset: 1n }]
  await ask(deps, 'commitCursor', { topic, name, cursor: beginning!.cursor, positions })
  assert.deepEqual((await read(deps, { cursorName: name })).values, ['b2'])
})

test('cursors are listed with what lies before them', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'a1', 'a2', 'a3')
  const log = deps.journal.add(topic, 'b', epochB, 'b1', 'b2')
  await ask(deps, 'commitCursor', { topic, name: 'start', reset: true })
  await ask(deps, 'commitCursor', { topic, name, cursor: (await read(deps, { maxRecords: 4 })).cursor })
  await ask(deps, 'commitCursor', { topic, name: 'end', cursor: (await read(deps, {})).cursor })
  await ask(deps, 'commitCursor', { topic: 'bills', name })
  const lags = async () => (await ask(deps, 'listCursors', { topic })).cursors.map((each) => [each.name, each.lag])
  assert.deepEqual(await lags(), [
    ['end', 0n],
    [name, 1n],
    ['start', 5n],
  ])
  log.start = 1
  assert.deepEqual((await lags()).at(-1), ['start', 4n])
  const { cursor, timestamp } = await ask(deps, 'getCursor', { topic, name: 'end' })
  assert.deepEqual((await read(deps, { cursor })).values, [])
  assert.ok(timestamp > 0n)
})

test('a deleted cursor is gone, and a reading by its name begins anew', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'one')
  await ask(deps, 'commitCursor', { topic, name, cursor: (await read(deps, {})).cursor })
  await ask(deps, 'deleteCursor', { topic, name })
  assert.equal((await errorOf(call(deps, 'getCursor', { topic, name }))).code, 'CURSOR_UNKNOWN')
  assert.equal((await errorOf(call(deps, 'deleteCursor', { topic, name }))).code, 'CURSOR_UNKNOWN')
  assert.deepEqual((await ask(deps, 'listCursors', { topic })).cursors, [])
  assert.deepEqual((await read(deps, { cursorName: name })).values, ['one'])
})

test('a commit is answered when it is durable, and a disk that fails is not passed over', async () => {
  const deps = parts()
  deps.journal.hold()
  const commit = call(deps, 'commitCursor', { topic, name })
  const reading = call(deps, 'listCursors', { topic })
  assert.equal(await reading.done, undefined)
  assert.deepEqual(reading.answers(LogService.method.listCursors.output)[0]?.cursors, [])
  assert.equal(commit.over, false)
  deps.journal.release()
  assert.equal(await commit.done, undefined)
})

test('names and positions that could not be are refused', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'one')
  const twice = Array.from({ length: 2 }, () => ({ origin: 'a', epoch: epochToBytes(epochA), offset: 1n }))
  const refusals: [ReturnType<typeof call>, string][] = [
    [call(deps, 'commitCursor', { topic, name: '' }), 'CURSOR_NAME_INVALID'],
    [call(deps, 'commitCursor', { topic, name: 'a/b' }), 'CURSOR_NAME_INVALID'],
    [call(deps, 'commitCursor', { topic: '_catalog', name }), 'TOPIC_NAME_INVALID'],
    [call(deps, 'commitCursor', { topic, name, cursor: new Uint8Array([255]) }), 'CURSOR_INVALID'],
    [call(deps, 'commitCursor', { topic, name, positions: twice }), 'CURSOR_INVALID'],
    [call(deps, 'getCursor', { topic, name: 'x'.repeat(200) }), 'CURSOR_NAME_INVALID'],
    [call(deps, 'deleteCursor', { topic, name: '_x' }), 'CURSOR_NAME_INVALID'],
    [callOf(consume(deps)).say(consumeRequest({ topic, cursorName: '../x' })), 'CURSOR_NAME_INVALID'],
    [callOf(consumeStream(deps)).say(followRequest({ topic, cursorName: '../x' })), 'CURSOR_NAME_INVALID'],
  ]
  for (const [made, code] of refusals) assert.equal((await errorOf(made)).code, code)
})

test('only who may consume the topic keeps cursors in it', async () => {
  const policyText = 'p, reader, orders, consume, allow\np, writer, orders, produce, allow\n'
  const authorizer = await createAuthorizer({ policyText })
  const deps = parts({ access: createAccess(authorizer, true) })
  assert.equal(await call(deps, 'commitCursor', { topic, name }, 'reader').done, undefined)
  for (const method of ['commitCursor', 'getCursor', 'listCursors', 'deleteCursor'] as const) {
    assert.equal((await errorOf(call(deps, method, { topic, name }, 'writer'))).code, 'PERMISSION_DENIED')
  }
})
