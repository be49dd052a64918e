import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumeStreamResponseSchema, ReadOrder, StartAt } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import type { Commits } from '../../src/server/commits.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { type FakeCall, settled } from './fake-call.ts'
import { epochA, epochB, epochC } from './memory-journal.ts'
import { callOf, errorOf, followRequest, parts, valuesOf } from './parts.ts'

const answers = (call: FakeCall) => call.answers(ConsumeStreamResponseSchema)
const values = (call: FakeCall) =>
  answers(call).flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))

test('without follow: all there is, the mark of the end, and the end', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1', 'a2')
  deps.journal.add('orders', 'b', epochB, 'b1')
  const call = callOf(consumeStream(deps))
    .say(followRequest({ topic: 'orders' }))
    .end()
  assert.equal(await call.done, undefined)
  assert.deepEqual(values(call).toSorted(), ['a1', 'a2', 'b1'])
  assert.equal(answers(call).at(-1)?.atEnd, true)
})

test('without follow and nothing to read: one answer with the cursor', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', startAt: StartAt.END }))
  assert.equal(await call.done, undefined)
  assert.equal(call.sent.length, 1)
  assert.equal(answers(call)[0]?.atEnd, true)
  const again = callOf(consumeStream(deps)).say(
    followRequest({ topic: 'orders', cursor: answers(call)[0]?.cursor ?? new Uint8Array() }),
  )
  assert.equal(await again.done, undefined)
  assert.deepEqual(values(again), [])
})

test('with follow: what is there, then what comes, woken by commits and by nothing else', async () => {
  const deps = parts()
  const log = deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps))
    .say(followRequest({ topic: 'orders', follow: true }))
    .end()
  await call.until(1)
  assert.equal(answers(call)[0]?.atEnd, true)
  const reads = log.reads
  deps.clock.pass(3_600_000)
  deps.journal.add('payments', 'a', epochA, 'p1')
  await settled()
  assert.equal(log.reads, reads)
  assert.equal(deps.clock.timers, 0)
  deps.journal.add('orders', 'a', epochA, 'a2')
  await call.until(2)
  deps.journal.add('orders', 'b', epochB, 'b1')
  await call.until(3)
  assert.deepEqual(values(call), ['a1', 'a2', 'b1'])
  assert.equal(call.over, false)
})

test('commits of one turn come in one message', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', follow: true, startAt: StartAt.END }))
  await call.until(1)
  for (let n = 0; n < 10; n++) deps.journal.add('orders', 'a', epochA, `x${n}`)
  deps.journal.add('orders', 'b', epochB, 'y')
  await call.until(2)
  assert.equal(values(call).length, 11)
})

test('an unknown topic: refused, or waited for with follow', async () => {
  const deps = parts()
  const refused = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders' }))
  assert.equal((await errorOf(refused)).code, 'TOPIC_UNKNOWN')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', follow: true, startAt: StartAt.END }))
  await call.until(1)
  deps.journal.add('orders', 'b', epochB, 'first')
  await call.until(2)
  assert.deepEqual(values(call), ['first'])
})

test('each message has a cursor that goes on behind it, also at another node', async () => {
  const deps = parts()
  for (let n = 0; n < 40; n++) {
    deps.journal.add('orders', 'a', epochA, `a${n}:${'x'.repeat(30_000)}`)
    deps.journal.add('orders', 'b', epochB, `b${n}:${'x'.repeat(10_000)}`)
  }
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders' }))
  while (!call.over) {
    await settled()
    deps.clock.pass(0)
  }
  const all = values(call)
  assert.equal(all.length, 80)
  assert.ok(call.sent.length > 4)
  let seen = 0
  for (const { batches, cursor } of answers(call).slice(0, -1)) {
    seen += batches.length
    const rest = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', cursor }))
    while (!rest.over) {
      await settled()
      deps.clock.pass(0)
    }
    assert.deepEqual(values(rest).toSorted(), all.slice(seen).toSorted())
  }
})

test('it ends after so many records, within a batch too', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1', 'a2', 'a3')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', maxRecords: 2n, follow: true }))
  assert.equal(await call.done, undefined)
  assert.deepEqual(values(call), ['a1', 'a2'])
  const cursor = answers(call)[0]?.cursor ?? new Uint8Array()
  const rest = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', cursor, maxRecords: 2n ** 64n - 1n }))
  assert.equal(await rest.done, undefined)
  assert.deepEqual(values(rest), ['a3'])
})

test('with follow it ends after so many records that came later', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const call = callOf(consumeStream(deps)).say(
    followRequest({ topic: 'orders', maxRecords: 2n, follow: true, startAt: StartAt.END }),
  )
  deps.journal.add('orders', 'a', epochA, 'x')
  await call.until(2)
  deps.journal.add('orders', 'a', epochA, 'y', 'z')
  assert.equal(await call.done, undefined)
  assert.deepEqual(values(call), ['x', 'y'])
})

test('records of one node only', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', origin: 'b', follow: true }))
  await call.until(1)
  deps.journal.add('orders', 'b', epochB, 'b1')
  deps.journal.add('orders', 'a', epochA, 'a2')
  deps.journal.add('orders', 'b', epochC, 'b2')
  await call.until(2)
  assert.deepEqual(values(call), ['b1', 'b2'])
})

test('a slow reader is not read for, and holds up nobody', async () => {
  const deps = parts()
  const log = deps.journal.add('orders', 'a', epochA, 'x'.repeat(300_000))
  for (let n = 0; n < 20; n++) deps.journal.add('orders', 'a', epochA, 'x'.repeat(300_000))
  const slow = callOf(consumeStream(deps), { window: 1 }).say(followRequest({ topic: 'orders', follow: true }))
  await settled()
  assert.equal(slow.sent.length, 1)
  const reads = log.reads
  deps.journal.add('orders', 'a', epochA, 'more')
  await settled()
  assert.equal(log.reads, reads)
  const quick = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders' }))
  while (!quick.over) {
    await settled()
    deps.clock.pass(0)
  }
  assert.equal(values(quick).length, 22)
  assert.equal(slow.sent.length, 1)
  slow.drain(3)
  await settled()
  assert.equal(slow.sent.length, 3)
  slow.drain()
  while (values(slow).length < 22) {
    await settled()
    deps.clock.pass(0)
  }
})

test('a long log gives others their turn', async () => {
  const deps = parts()
  for (let n = 0; n < 30; n++) deps.journal.add('orders', 'a', epochA, 'x'.repeat(250_000))
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders' }))
  assert.ok(call.sent.length < 10, `${call.sent.length} messages in one turn`)
  assert.equal(deps.clock.timers, 1)
  const sent = call.sent.length
  deps.journal.add('orders', 'b', epochB, 'b1')
  await settled()
  assert.equal(call.sent.length, sent)
  call.cancel()
  assert.equal(deps.clock.timers, 0)
})

test('what cannot be read ends the stream with its reason, after what lies before', async () => {
  const deps = parts()
  const log = deps.journal.add('orders', 'b', epochB, 'b1')
  deps.journal.add('orders', 'b', epochB, 'b2')
  log.corruptFrom = 1
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders' }))
  const error = await errorOf(call)
  assert.equal(error.code, 'DATA_CORRUPT')
  assert.equal(error.facts.offset, '1')
  assert.deepEqual(values(call), ['b1'])
})

for (const by of ['ARRIVAL', 'TIMESTAMP'] as const) {
  test(`what cannot be read of one log holds back no other: by ${by}`, async () => {
    const order = ReadOrder[by]
    const deps = parts()
    const damaged = deps.journal.add('orders', 'a', epochA, 'a1')
    deps.journal.add('orders', 'a', epochA, 'a2')
    damaged.corruptFrom = 1
    for (let n = 1; n <= 9; n++) deps.journal.add('orders', 'b', epochB, `b${n}`)
    const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', order, follow: true }))
    assert.equal((await errorOf(call)).facts.offset, '1')
    assert.deepEqual(values(call).toSorted(), ['a1', ...Array.from({ length: 9 }, (_, n) => `b${n + 1}`)])

    deps.journal.add('orders', 'b', epochB, 'b10')
    const cursor = answers(call).at(-1)?.cursor ?? new Uint8Array()
    const again = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', order, follow: true, cursor }))
    assert.equal((await errorOf(again)).code, 'DATA_CORRUPT')
    assert.deepEqual(values(again), ['b10'])

    damaged.corruptFrom = Number.POSITIVE_INFINITY
    const mended = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', order, cursor }))
    assert.equal(await mended.done, undefined)
    assert.deepEqual(values(mended).toSorted(), ['a2', 'b10'])
  })
}

test('a reader that fell behind the start is told the bounds', async () => {
  const deps = parts()
  const log = deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps), { window: 1 }).say(followRequest({ topic: 'orders', follow: true }))
  deps.journal.add('orders', 'a', epochA, 'a2')
  deps.journal.add('orders', 'a', epochA, 'a3')
  log.start = 2
  call.drain()
  const error = await errorOf(call)
  assert.equal(error.code, 'OFFSET_TRIMMED')
  assert.equal(error.facts.start, '2')
  assert.equal(error.facts.offset, '1')
})

test('a node that stops ends streams, so that their callers go elsewhere', async () => {
  const deps = parts()
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', follow: true }))
  deps.phase.set('draining')
  assert.equal((await errorOf(call)).code, 'NODE_STOPPING')
})

test('a right that is taken away ends a stream that had it', async () => {
  const authorizer = await createAuthorizer({ policyText: 'p, anonymous, orders, consume\n' })
  const deps = parts({ access: createAccess(authorizer, false) })
  deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', follow: true }))
  await call.until(1)
  await authorizer.replace('p, somebody, orders, consume\n')
  deps.journal.add('orders', 'a', epochA, 'secret')
  assert.equal((await errorOf(call)).code, 'PERMISSION_DENIED')
  assert.deepEqual(values(call), ['a1'])
})

test('malformed requests are refused by their reason', async () => {
  const deps = parts()
  assert.equal((await errorOf(callOf(consumeStream(deps)).say(Uint8Array.from([1])))).code, 'REQUEST_MALFORMED')
  const bad = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', cursor: Uint8Array.from([1]) }))
  assert.equal((await errorOf(bad)).code, 'CURSOR_INVALID')
  assert.equal((await errorOf(callOf(consumeStream(deps)).end())).code, 'REQUEST_MALFORMED')
})

test('a caller that goes away is forgotten', async () => {
  const before = parts()
  let listening = 0
  const on: Commits['on'] = (topic, listener) => {
    listening++
    const off = before.commits.on(topic, listener)
    return () => {
      listening--
      off()
    }
  }
  const deps = { ...before, commits: { on } }
  const log = deps.journal.add('orders', 'a', epochA, 'a1')
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 'orders', follow: true }))
  await call.until(1)
  assert.equal(listening, 1)
  call.cancel()
  assert.equal(listening, 0)
  const reads = log.reads
  deps.journal.add('orders', 'a', epochA, 'a2')
  await settled()
  assert.equal(log.reads, reads)
})
