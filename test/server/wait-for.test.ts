import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { foldOf } from '../../src/catalog/run-kind.ts'
import { ConsumeResponseSchema, ConsumeStreamResponseSchema, StartAt } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { CursorStateSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { consume } from '../../src/server/consume.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { declaration, runOf } from '../catalog/runs.ts'
import { settled } from './fake-call.ts'
import { epochA, epochB } from './memory-journal.ts'
import { callOf, consumeRequest, errorOf, followRequest, parts, valuesOf } from './parts.ts'

const topic = 'orders'
const before = (origin: string, epoch: string, offset: number) => ({
  origin,
  epoch: epochToBytes(epoch),
  offset: BigInt(offset),
})
const written = { positions: [before('b', epochB, 2)] }

const valuesIn = (
  call: ReturnType<typeof callOf>,
  schema: typeof ConsumeResponseSchema | typeof ConsumeStreamResponseSchema,
) => call.answers(schema).flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))

test('who wrote to one node reads it at another: the answer waits for it, and for nothing else', async () => {
  const deps = parts()
  deps.journal.add(topic, 'a', epochA, 'old')
  const call = callOf(consume(deps)).say(consumeRequest({ topic, waitFor: written, waitMs: 1000 }))
  deps.journal.add(topic, 'b', epochB, 'one')
  deps.journal.add(topic, 'a', epochA, 'another')
  await settled()
  assert.equal(call.over, false)
  deps.journal.add(topic, 'b', epochB, 'two')
  assert.equal(await call.done, undefined)
  assert.deepEqual(valuesIn(call, ConsumeResponseSchema).toSorted(), ['another', 'old', 'one', 'two'])
})

test('what is here already is not waited for', async () => {
  const deps = parts()
  deps.journal.add(topic, 'b', epochB, 'one', 'two')
  const call = callOf(consume(deps)).say(consumeRequest({ topic, waitFor: written }))
  assert.equal(await call.done, undefined)
  assert.deepEqual(valuesIn(call, ConsumeResponseSchema), ['one', 'two'])
})

test('what does not come in time is named by the error, without a wait where none was asked for', async () => {
  const deps = parts()
  deps.journal.add(topic, 'b', epochB, 'one')
  const waitFor = { positions: [before('b', epochB, 2), before('c', epochA, 7)] }
  const call = callOf(consume(deps)).say(consumeRequest({ topic, waitFor, waitMs: 500 }))
  deps.clock.pass(499)
  assert.equal(call.over, false)
  deps.clock.pass(1)
  const error = await errorOf(call)
  assert.equal(error.code, 'NOT_CAUGHT_UP')
  assert.deepEqual(error.facts, { topic, logs: '2', origin: 'b', epoch: epochB, end: '1', awaited: '2' })
  const atOnce = await errorOf(callOf(consume(deps)).say(consumeRequest({ topic: 'unheard', waitFor })))
  assert.equal(atOnce.code, 'NOT_CAUGHT_UP')
})

test('the error comes before the deadline of the caller would', async () => {
  const deps = parts()
  const call = callOf(consume(deps), { remainingMs: 1000 }).say(
    consumeRequest({ topic, waitFor: written, waitMs: 60_000 }),
  )
  deps.clock.pass(750)
  assert.equal((await errorOf(call)).code, 'NOT_CAUGHT_UP')
})

test('after what was awaited the rest of the time is for records', async () => {
  const deps = parts()
  const request = { topic, waitFor: written, waitMs: 1000, startAt: StartAt.END }
  const call = callOf(consume(deps)).say(consumeRequest(request))
  deps.clock.pass(500)
  deps.journal.add(topic, 'b', epochB, 'one', 'two')
  await settled()
  assert.equal(call.over, false)
  deps.clock.pass(500)
  assert.equal(await call.done, undefined)
  assert.deepEqual(valuesIn(call, ConsumeResponseSchema), [])
})

test('a cursor is waited for with all it stands for, also where that is not declared here yet', async () => {
  const deps = parts()
  const entry = declaration({ origin: 'b', by: 2, run: 1, ends: { [topic]: 2 } })
  const { epoch, number } = foldOf(entry)
  const cursor = toBinary(
    CursorStateSchema,
    create(CursorStateSchema, {
      version: 2,
      topic,
      folded: [{ origin: 'b', epoch: epochToBytes(epoch), number: BigInt(number) }],
    }),
  )
  const late = await errorOf(callOf(consume(deps)).say(consumeRequest({ topic, waitFor: { cursor } })))
  assert.deepEqual([late.code, late.facts], ['NOT_CAUGHT_UP', { topic, logs: '0', undeclared: 'b' }])
  const call = callOf(consumeStream(deps)).say(followRequest({ topic, waitFor: { cursor } }))
  deps.journal.add(topic, 'b', runOf(1), 'one')
  deps.declarations.add(entry)
  await settled()
  assert.deepEqual([call.over, call.sent.length], [false, 0])
  deps.journal.add(topic, 'b', runOf(1), 'two')
  assert.equal(await call.done, undefined)
  assert.deepEqual(valuesIn(call, ConsumeStreamResponseSchema), ['one', 'two'])
})

test('a stream begins when all of it is here; it waits as long as it is told to, or as the caller listens', async () => {
  const deps = parts()
  const call = callOf(consumeStream(deps)).say(followRequest({ topic, follow: true, waitFor: written }))
  deps.clock.pass(1_000_000)
  deps.journal.add(topic, 'b', epochB, 'one')
  await settled()
  assert.deepEqual([call.over, call.sent.length], [false, 0])
  deps.journal.add(topic, 'b', epochB, 'two')
  await settled()
  assert.deepEqual(valuesIn(call, ConsumeStreamResponseSchema), ['one', 'two'])
  call.cancel()
  const awaited = { positions: [before('b', epochB, 3)] }
  const bounded = callOf(consumeStream(deps)).say(followRequest({ topic, waitFor: awaited, waitMs: 100 }))
  deps.clock.pass(100)
  assert.equal((await errorOf(bounded)).code, 'NOT_CAUGHT_UP')
})

test('nothing stays behind of a caller that goes away, or of a node that stops, while they wait', async () => {
  const deps = parts()
  const call = callOf(consume(deps)).say(consumeRequest({ topic, waitFor: written, waitMs: 1000 }))
  const stream = callOf(consumeStream(deps)).say(followRequest({ topic, waitFor: written }))
  call.cancel()
  deps.phase.set('draining')
  assert.equal((await errorOf(stream)).code, 'NODE_STOPPING')
  deps.journal.add(topic, 'b', epochB, 'one', 'two')
  deps.clock.pass(1000)
  await settled()
  assert.deepEqual([call.sent.length, stream.sent.length], [0, 0])
})

test('what means nothing is refused', async () => {
  const deps = parts()
  const twice = { positions: [before('b', epochB, 2), before('b', epochB, 3)] }
  for (const waitFor of [twice, { positions: [before('../x', epochB, 2)] }, { cursor: new Uint8Array([255]) }]) {
    for (const call of [
      callOf(consume(deps)).say(consumeRequest({ topic, waitFor })),
      callOf(consumeStream(deps)).say(followRequest({ topic, waitFor })),
    ]) {
      assert.equal((await errorOf(call)).code, 'CURSOR_INVALID')
    }
  }
})
