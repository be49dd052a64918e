import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { ProduceStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { logKey } from '../../src/log/log-id.ts'
import { createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import { produceStream } from '../../src/server/produce-stream.ts'
import { settled } from './fake-call.ts'
import { epochA } from './memory-journal.ts'
import { callOf, errorOf, parts, records, streamedRequest } from './parts.ts'

const one = (value: string, topic = '', copies = 0) => streamedRequest({ topic, batch: records(value), copies })
const ownKey = logKey({ topic: 'orders', origin: 'a', epoch: epochA })

test('every batch is answered, in order, and the end of the requests ends the answers after the last', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produceStream(deps)).say(one('x', 'orders'), one('y'), one('z', 'payments'), one('w')).end()
  await settled()
  assert.equal(call.sent.length, 0)
  assert.equal(call.over, false)
  deps.journal.release()
  assert.equal(await call.done, undefined)
  const answers = call.answers(ProduceStreamResponseSchema)
  assert.deepEqual(
    answers.map(({ log, baseOffset }) => `${log?.topic} ${baseOffset}`),
    ['orders 0', 'orders 1', 'payments 0', 'payments 1'],
  )
})

test('all answers that one commit brings go out in one turn', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produceStream(deps)).say(one('first', 'orders'), ...Array.from({ length: 99 }, () => one('x')))
  deps.journal.release()
  await call.until(1)
  assert.equal(call.sent.length, 100)
})

test('a stream without requests ends well', async () => {
  assert.equal(await callOf(produceStream(parts())).end().done, undefined)
})

test('the first request must name the topic', async () => {
  const call = callOf(produceStream(parts())).say(one('x'))
  assert.equal((await errorOf(call)).code, 'TOPIC_NAME_INVALID')
})

test('a refused batch ends the stream after all before it are answered, and nothing after it is written', async () => {
  const refusals: [Uint8Array, string][] = [
    [one('x'.repeat(600)), 'BATCH_TOO_LARGE'],
    [streamedRequest({}), 'BATCH_EMPTY'],
    [one('x', '../x'), 'TOPIC_NAME_INVALID'],
    [one('x', '', 9), 'COPIES_IMPOSSIBLE'],
    [Uint8Array.from([7]), 'REQUEST_MALFORMED'],
  ]
  for (const [refused, code] of refusals) {
    const deps = parts()
    deps.journal.hold()
    const call = callOf(produceStream(deps)).say(one('x', 'orders'), one('y'), refused, one('z')).end()
    await settled()
    assert.equal(call.over, false, code)
    deps.journal.release()
    assert.equal((await errorOf(call)).code, code)
    assert.equal(call.sent.length, 2, code)
    assert.equal(deps.journal.appends, 2, code)
  }
})

test('a batch the disk refuses ends the stream, with the answers before it sent', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produceStream(deps)).say(one('x', 'orders'))
  deps.journal.failAppends(new ReeveError('DISK_FULL', 'no space'))
  call.say(one('y'))
  deps.journal.failAppends(undefined)
  call.say(one('z'))
  await settled()
  assert.equal(call.over, false)
  deps.journal.release()
  assert.equal((await errorOf(call)).code, 'DISK_FULL')
  assert.equal(call.sent.length, 1)
})

test('an answer that waits for copies holds back those behind it', async () => {
  const deps = parts()
  const call = callOf(produceStream(deps)).say(one('x', 'orders', 2), one('y'))
  await settled()
  assert.equal(call.sent.length, 0)
  deps.copies.note('b', ownKey, 1)
  await call.until(2)
  assert.deepEqual(
    call.answers(ProduceStreamResponseSchema).map(({ copies }) => copies),
    [2, 1],
  )
})

test('copies missing at the deadline end the stream with what is known of that batch', async () => {
  const deps = parts()
  const call = callOf(produceStream(deps), { remainingMs: 5000 }).say(one('x', 'orders'), one('y', '', 2))
  await settled()
  deps.clock.pass(5000)
  const error = await errorOf(call)
  assert.equal(error.code, 'COPIES_PENDING')
  assert.equal(error.facts.offset, '1')
  assert.equal(call.sent.length, 1)
})

test('a caller that is faster than the disk is paused, and goes on when half is answered', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produceStream(deps)).say(one('x', 'orders'), ...Array.from({ length: 9999 }, () => one('x')))
  assert.equal(call.paused, true)
  const taken = deps.journal.appends
  assert.ok(taken < 10_000, `${taken} outstanding`)
  deps.journal.release()
  await call.until(10_000)
  assert.equal(deps.journal.appends, 10_000)
  assert.equal(await call.end().done, undefined)
})

test('outstanding bytes are bounded too', async () => {
  const deps = { ...parts(), limits: () => ({ maxBytes: 2 ** 21, maxRecords: 10, maxRecordBytes: 2 ** 21 }) }
  deps.journal.hold()
  const large = one('x'.repeat(1024 * 1024), 'orders')
  const call = callOf(produceStream(deps)).say(...Array.from({ length: 100 }, () => large))
  assert.equal(deps.journal.appends, 8)
  call.cancel()
})

test('a caller that does not take its answers is not read from', async () => {
  const deps = parts()
  const call = callOf(produceStream(deps), { window: 1 }).say(one('x', 'orders'))
  await call.until(1)
  await settled()
  assert.equal(call.paused, true)
  call.say(one('y'))
  await settled()
  assert.equal(deps.journal.appends, 1)
  call.drain()
  await call.until(2)
})

test('a node that stops answers what it took and ends the stream', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produceStream(deps)).say(one('x', 'orders'))
  deps.phase.set('draining')
  call.say(one('late'))
  await settled()
  assert.equal(call.over, false)
  deps.journal.release()
  assert.equal((await errorOf(call)).code, 'NODE_STOPPING')
  assert.equal(call.sent.length, 1)
  assert.equal(deps.journal.appends, 1)
})

test('a right that is taken away stops a stream that had it', async () => {
  const authorizer = await createAuthorizer({ policyText: 'p, anonymous, orders, produce\n' })
  const deps = parts({ access: createAccess(authorizer, false) })
  const call = callOf(produceStream(deps)).say(one('x', 'orders'))
  await call.until(1)
  await authorizer.replace('p, somebody, orders, produce\n')
  call.say(one('y'))
  assert.equal((await errorOf(call)).code, 'PERMISSION_DENIED')
  assert.equal(deps.journal.appends, 1)
})

test('a caller that goes away leaves nothing behind', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produceStream(deps)).say(one('x', 'orders'))
  call.cancel()
  deps.journal.release()
  await settled()
  deps.phase.set('draining')
  assert.equal(call.sent.length, 0)
})
