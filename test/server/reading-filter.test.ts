import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { ConsumeResponseSchema, ConsumeStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { consume } from '../../src/server/consume.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { type FakeCall, settled } from './fake-call.ts'
import { epochA } from './memory-journal.ts'
import { callOf, consumeRequest, followRequest, parts } from './parts.ts'

type Parts = ReturnType<typeof parts>

const filter = { keys: [new TextEncoder().encode('wanted')] }

function add(deps: Parts, key: string, bytes: number, count = 1): void {
  const log = deps.journal.logOf('t', 'a', epochA)
  const records = [{ key: new TextEncoder().encode(key), value: new Uint8Array(bytes) }]
  const body = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
  for (let n = 0; n < count; n++) deps.journal.addBatch(log, body, 1)
}

async function over(deps: Parts, call: FakeCall): Promise<number> {
  let turns = 0
  for (; !call.over; turns++) {
    await settled()
    deps.clock.pass(0)
  }
  return turns
}

const keysIn = (call: FakeCall) =>
  call
    .answers(ConsumeStreamResponseSchema)
    .flatMap(({ batches }) =>
      batches.flatMap(({ batch }) => (batch?.records ?? []).map(({ key }) => String(Buffer.from(key)))),
    )

test('what is not wanted is passed over in turns: nobody waits for a search through a long log', async () => {
  const deps = parts()
  add(deps, 'other', 100_000, 100)
  add(deps, 'wanted', 1)
  const log = deps.journal.logs()[0]!
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't', filter }))
  assert.ok(log.bytesRead < 2_500_000, `${log.bytesRead} bytes in one turn`)
  assert.equal(call.sent.length, 0)
  await over(deps, call)
  assert.deepEqual(keysIn(call), ['wanted'])
})

test('a caller that gets nothing is told now and then how far it is, so that a resume does not search all of it again', async () => {
  const deps = parts()
  add(deps, 'other', 100_000, 250)
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't', filter }))
  await over(deps, call)
  const cursors = call.answers(ConsumeStreamResponseSchema)
  assert.ok(cursors.length >= 3 && cursors.length <= 6, `${cursors.length} messages`)
  assert.ok(cursors.every(({ batches }) => batches.length === 0))
  assert.deepEqual(
    cursors.map(({ atEnd }) => atEnd),
    cursors.map((_, at) => at === cursors.length - 1),
  )
  const log = deps.journal.logs()[0]!
  const read = log.bytesRead
  const resumed = callOf(consumeStream(deps)).say(followRequest({ topic: 't', filter, cursor: cursors.at(-2)!.cursor }))
  await over(deps, resumed)
  assert.ok(log.bytesRead - read < 12_000_000, `${log.bytesRead - read} bytes were searched again`)
})

test('at the tail, misses cost the caller nothing but a cursor when time has passed', async () => {
  const deps = parts()
  add(deps, 'other', 10)
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't', filter, follow: true }))
  await settled()
  assert.equal(call.sent.length, 1)
  assert.equal(call.answers(ConsumeStreamResponseSchema)[0]!.atEnd, true)
  for (let n = 0; n < 50; n++) {
    add(deps, 'other', 10)
    await settled()
  }
  assert.equal(call.sent.length, 1)
  assert.equal(deps.clock.timers, 0)
  deps.clock.pass(60_000)
  assert.equal(call.sent.length, 1)
  add(deps, 'other', 10)
  await settled()
  assert.equal(call.sent.length, 2)
  add(deps, 'wanted', 10)
  await settled()
  assert.deepEqual(keysIn(call), ['wanted'])
  call.cancel()
})

test('a single answer searches a bounded part, and its cursor goes on behind it', async () => {
  const deps = parts()
  add(deps, 'other', 100_000, 500)
  add(deps, 'wanted', 1)
  let cursor = new Uint8Array()
  let answers = 0
  for (let found = 0; found === 0; answers++) {
    const call = callOf(consume(deps)).say(consumeRequest({ topic: 't', filter, cursor }))
    await over(deps, call)
    const answer = call.answers(ConsumeResponseSchema)[0]!
    found = answer.batches.length
    assert.equal(answer.atEnd, found > 0)
    assert.notDeepEqual(answer.cursor, cursor)
    cursor = new Uint8Array(answer.cursor)
  }
  assert.ok(answers > 1, 'all of it was searched for one answer')
})

test('a single answer that waits is held over what is not wanted', async () => {
  const deps = parts()
  add(deps, 'other', 10)
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 't', filter, waitMs: 1000 }))
  await settled()
  add(deps, 'other', 10)
  await settled()
  assert.equal(call.over, false)
  add(deps, 'wanted', 10)
  await settled()
  const answer = call.answers(ConsumeResponseSchema)[0]!
  assert.deepEqual([answer.batches[0]?.baseOffset, answer.atEnd], [2n, true])

  const vain = callOf(consume(deps)).say(consumeRequest({ topic: 't', filter, waitMs: 1000, cursor: answer.cursor }))
  add(deps, 'other', 10)
  await settled()
  deps.clock.pass(1000)
  const empty = vain.answers(ConsumeResponseSchema)[0]!
  assert.deepEqual([empty.batches.length, empty.atEnd], [0, true])
  assert.notDeepEqual(empty.cursor, answer.cursor)
})
