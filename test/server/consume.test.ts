import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { ConsumeResponseSchema, StartAt } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { CursorStateSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import { consume } from '../../src/server/consume.ts'
import { settled } from './fake-call.ts'
import { batchOf, epochA, epochB, epochC } from './memory-journal.ts'
import { callOf, consumeRequest, errorOf, parts, valuesOf } from './parts.ts'

type Parts = ReturnType<typeof parts>
type Request = Parameters<typeof consumeRequest>[0]

async function ask(deps: Parts, request: Request) {
  const call = callOf(consume(deps)).say(consumeRequest(request))
  const error = await call.done
  if (error) throw error
  return answerOf(call)
}

function answerOf(call: ReturnType<typeof callOf>) {
  const answer = call.answers(ConsumeResponseSchema)[0]
  assert.ok(answer)
  const values = answer.batches.flatMap(({ batch }) => valuesOf(batch))
  return { ...answer, values, nodes: answer.batches.map(({ origin }) => origin) }
}

const cursorAt = (positions: { origin: string; epoch: string; offset: number }[], topic = 'orders') =>
  toBinary(
    CursorStateSchema,
    create(CursorStateSchema, {
      version: 1,
      topic,
      positions: positions.map(({ origin, epoch, offset }) => ({
        origin,
        epoch: epochToBytes(epoch),
        offset: BigInt(offset),
      })),
    }),
  )

test('reads all logs of the topic and no other, each in its order', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1', 'a2')
  deps.journal.add('payments', 'a', epochA, 'no')
  deps.journal.add('orders', 'b', epochB, 'b1')
  deps.journal.add('orders', 'a', epochA, 'a3')
  const { values, atEnd, batches } = await ask(deps, { topic: 'orders' })
  assert.deepEqual(values.toSorted(), ['a1', 'a2', 'a3', 'b1'])
  assert.deepEqual(
    values.filter((value) => value.startsWith('a')),
    ['a1', 'a2', 'a3'],
  )
  assert.equal(atEnd, true)
  const last = batches.find(({ baseOffset }) => baseOffset === 2n)
  assert.equal(last?.origin, 'a')
  assert.deepEqual(Buffer.from(last?.epoch ?? []), Buffer.from(epochToBytes(epochA)))
  assert.ok((last?.timestamp ?? 0n) > 0n)
})

test('a cursor goes on exactly where it stands, in the middle of a batch too', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1', 'a2', 'a3')
  deps.journal.add('orders', 'b', epochB, 'b1', 'b2')
  const seen: string[] = []
  let cursor: Uint8Array = new Uint8Array()
  for (let answers = 1; ; answers++) {
    const answer = await ask(deps, { topic: 'orders', cursor, maxRecords: 1 })
    assert.equal(answer.values.length, 1)
    seen.push(...answer.values)
    cursor = answer.cursor
    if (answer.atEnd) break
    assert.ok(answers < 5)
  }
  assert.deepEqual(seen.toSorted(), ['a1', 'a2', 'a3', 'b1', 'b2'])
  deps.journal.add('orders', 'c', epochC, 'c1')
  assert.deepEqual((await ask(deps, { topic: 'orders', cursor })).values, ['c1'])
})

test('a cursor of one node goes on at another', async () => {
  const [one, other] = [parts(), parts()]
  for (const { journal } of [one, other]) {
    journal.add('orders', 'b', epochB, 'b1', 'b2')
    journal.add('orders', 'c', epochC, 'c1')
  }
  const { cursor } = await ask(one, { topic: 'orders' })
  other.journal.add('orders', 'b', epochB, 'b3')
  assert.deepEqual((await ask(other, { topic: 'orders', cursor })).values, ['b3'])
})

test('from the end: only what is committed later', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const { values, cursor, atEnd } = await ask(deps, { topic: 'orders', startAt: StartAt.END })
  assert.deepEqual([values, atEnd], [[], true])
  deps.journal.add('orders', 'a', epochA, 'new')
  deps.journal.add('orders', 'b', epochB, 'other')
  assert.deepEqual((await ask(deps, { topic: 'orders', cursor })).values.toSorted(), ['new', 'other'])
})

test('records of one node only, and the cursor keeps to them', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1')
  deps.journal.add('orders', 'b', epochB, 'b1')
  const { values, cursor } = await ask(deps, { topic: 'orders', origin: 'b' })
  assert.deepEqual(values, ['b1'])
  assert.deepEqual((await ask(deps, { topic: 'orders', cursor })).values, ['a1'])
  assert.deepEqual((await ask(deps, { topic: 'orders', origin: 'nobody' })).values, [])
})

test('a long log does not hide a short one', async () => {
  const deps = parts()
  const large = 'x'.repeat(50_000)
  for (let n = 0; n < 30; n++) deps.journal.add('orders', 'a', epochA, large)
  deps.journal.add('orders', 'b', epochB, 'b1')
  const { nodes } = await ask(deps, { topic: 'orders', maxBytes: 200_000 })
  assert.ok(nodes.includes('b'), nodes.join())
  assert.ok(nodes.filter((node) => node === 'a').length > 1)
})

test('an answer stays within its bytes, but always makes progress', async () => {
  const deps = parts()
  for (let n = 0; n < 4; n++) deps.journal.add('orders', 'a', epochA, 'x'.repeat(1000))
  assert.equal((await ask(deps, { topic: 'orders', maxBytes: 2500 })).values.length, 2)
  const tiny = await ask(deps, { topic: 'orders', maxBytes: 1 })
  assert.equal(tiny.values.length, 1)
  assert.equal(tiny.atEnd, false)
})

test('the server has a limit of its own, whatever is asked', async () => {
  const deps = parts()
  for (let n = 0; n < 40; n++) deps.journal.add('orders', 'a', epochA, 'x'.repeat(60_000))
  for (const maxBytes of [0, 2 ** 32 - 1]) {
    const { values } = await ask(deps, { topic: 'orders', maxBytes })
    assert.equal(values.length, Math.floor((1024 * 1024) / 60_010))
  }
})

test('an answer of many tiny batches is not larger than one of a few large ones', async () => {
  const deps = parts()
  const log = deps.journal.logOf('orders', 'a', epochA)
  for (let n = 0; n < 5000; n++) log.push(batchOf('x'), 1)
  deps.journal.add('orders', 'a', epochA, 'last')
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', maxBytes: 100_000 }))
  await call.done
  const size = call.sent[0]?.length ?? 0
  assert.ok(size > 90_000 && size < 101_000, `${size} bytes`)
})

test('every record is read once whatever the limits', async () => {
  const deps = parts()
  const expected: string[] = []
  for (let n = 0; n < 60; n++) {
    const [origin, epoch] = (
      [
        ['a', epochA],
        ['b', epochB],
        ['c', epochC],
      ] as const
    )[n % 3] as readonly [string, string]
    const values = Array.from({ length: 1 + (n % 4) }, (_, at) => `${origin}:${n}:${at}:${'x'.repeat((n * 37) % 300)}`)
    deps.journal.add('orders', origin, epoch, ...values)
    expected.push(...values)
  }
  for (const limits of [{ maxRecords: 1 }, { maxRecords: 7 }, { maxBytes: 1 }, { maxBytes: 700, maxRecords: 3 }]) {
    const seen: string[] = []
    let cursor: Uint8Array = new Uint8Array()
    for (let atEnd = false; !atEnd; ) {
      const answer = await ask(deps, { topic: 'orders', cursor, ...limits })
      seen.push(...answer.values)
      ;({ cursor, atEnd } = answer)
    }
    assert.deepEqual(seen.toSorted(), expected.toSorted())
    for (const origin of ['a', 'b', 'c']) {
      const own = (values: string[]) => values.filter((value) => value.startsWith(origin))
      assert.deepEqual(own(seen), own(expected))
    }
  }
})

test('who asks for few records makes the disk read little', async () => {
  const deps = parts()
  for (let n = 0; n < 500; n++) deps.journal.add('orders', 'a', epochA, `${n}:${'x'.repeat(100)}`)
  const log = deps.journal.logOf('orders', 'a', epochA)
  const answer = await ask(deps, { topic: 'orders', maxRecords: 2 })
  assert.equal(answer.values.length, 2)
  assert.ok(log.bytesRead < 8_192, `${log.bytesRead} bytes`)
})

test('waiting: the first record that is committed is the answer', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', startAt: StartAt.END, waitMs: 1000 }))
  await settled()
  assert.equal(call.over, false)
  deps.journal.add('payments', 'a', epochA, 'not this')
  await settled()
  assert.equal(call.over, false)
  deps.journal.add('orders', 'b', epochB, 'new')
  await call.done
  assert.deepEqual(answerOf(call).values, ['new'])
  assert.equal(deps.clock.timers, 0)
})

test('waiting in vain: an empty answer with the cursor, in time', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', startAt: StartAt.END, waitMs: 1000 }))
  deps.clock.pass(999)
  await settled()
  assert.equal(call.over, false)
  deps.clock.pass(1)
  assert.equal(await call.done, undefined)
  const { values, atEnd, cursor } = answerOf(call)
  assert.deepEqual([values, atEnd], [[], true])
  assert.ok(cursor.length > 0)
})

test('the wait ends before the deadline of the caller', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const request = consumeRequest({ topic: 'orders', startAt: StartAt.END, waitMs: 60_000 })
  const call = callOf(consume(deps), { remainingMs: 2000 }).say(request)
  deps.clock.pass(1999)
  assert.equal(await call.done, undefined)
})

test('a cursor ahead of this node: held until the node has caught up with it', async () => {
  const deps = parts()
  deps.journal.add('orders', 'b', epochB, 'b1')
  const cursor = cursorAt([{ origin: 'b', epoch: epochB, offset: 3 }])
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', cursor, waitMs: 1000 }))
  deps.journal.add('orders', 'b', epochB, 'b2')
  await settled()
  assert.equal(call.over, false)
  deps.journal.add('orders', 'b', epochB, 'b3')
  assert.equal(await call.done, undefined)
  assert.deepEqual([answerOf(call).values, answerOf(call).atEnd], [[], true])
})

test('held by a cursor ahead of this node: records of other logs wait with it, but no longer than asked', async () => {
  const deps = parts()
  deps.journal.add('orders', 'b', epochB, 'b1')
  const cursor = cursorAt([{ origin: 'b', epoch: epochB, offset: 2 }])
  deps.journal.add('orders', 'c', epochC, 'c1')
  const held = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', cursor, waitMs: 1000 }))
  await settled()
  assert.equal(held.over, false)
  deps.clock.pass(1000)
  await held.done
  assert.deepEqual([answerOf(held).values, answerOf(held).atEnd], [['c1'], false])
  const caughtUp = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', cursor, waitMs: 1000 }))
  deps.journal.add('orders', 'b', epochB, 'b2')
  await caughtUp.done
  assert.deepEqual([answerOf(caughtUp).values, answerOf(caughtUp).atEnd], [['c1'], true])
})

test('a cursor ahead of this node that is not reached in time: the answer says so', async () => {
  const deps = parts()
  deps.journal.add('orders', 'b', epochB, 'b1')
  for (const positions of [
    [{ origin: 'b', epoch: epochB, offset: 3 }],
    [
      { origin: 'b', epoch: epochB, offset: 1 },
      { origin: 'c', epoch: epochC, offset: 1 },
    ],
  ]) {
    const cursor = cursorAt(positions)
    const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', cursor, waitMs: 1000 }))
    deps.clock.pass(1000)
    assert.equal(await call.done, undefined)
    assert.deepEqual([answerOf(call).values, answerOf(call).atEnd], [[], false])
    assert.deepEqual(Buffer.from(answerOf(call).cursor), Buffer.from(cursor))
  }
})

test('a topic that is unknown here', async () => {
  const deps = parts()
  assert.equal((await errorOf(callOf(consume(deps)).say(consumeRequest({ topic: 'orders' })))).code, 'TOPIC_UNKNOWN')
  const waiting = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', waitMs: 1000 }))
  const patient = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', waitMs: 2000 }))
  deps.clock.pass(1000)
  assert.equal((await errorOf(waiting)).code, 'TOPIC_UNKNOWN')
  deps.journal.add('orders', 'b', epochB, 'b1')
  await patient.done
  assert.deepEqual(answerOf(patient).values, ['b1'])
})

test('what is no longer here is a typed error with the bounds', async () => {
  const deps = parts()
  const log = deps.journal.add('orders', 'b', epochB, 'b1', 'b2')
  deps.journal.add('orders', 'b', epochB, 'b3')
  log.start = 2
  const cursor = cursorAt([{ origin: 'b', epoch: epochB, offset: 1 }])
  const error = await errorOf(callOf(consume(deps)).say(consumeRequest({ topic: 'orders', cursor })))
  assert.equal(error.code, 'OFFSET_TRIMMED')
  assert.deepEqual(error.facts, { start: '2', end: '3', topic: 'orders', origin: 'b', epoch: epochB, offset: '1' })
  assert.deepEqual((await ask(deps, { topic: 'orders' })).values, ['b3'])
})

test('damage is a typed error that names the place, after what lies before it', async () => {
  const deps = parts()
  const log = deps.journal.add('orders', 'b', epochB, 'b1')
  deps.journal.add('orders', 'b', epochB, 'b2')
  log.corruptFrom = 1
  const { values, cursor, atEnd } = await ask(deps, { topic: 'orders' })
  assert.deepEqual([values, atEnd], [['b1'], false])
  const error = await errorOf(callOf(consume(deps)).say(consumeRequest({ topic: 'orders', cursor })))
  assert.equal(error.code, 'DATA_CORRUPT')
  assert.equal(error.facts.offset, '1')
  assert.equal(error.facts.origin, 'b')
})

test('requests that make no sense are refused by their reason', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'a1')
  const cases: [Uint8Array, string][] = [
    [Uint8Array.from([0xff]), 'REQUEST_MALFORMED'],
    [consumeRequest({ topic: 'orders', startAt: 9 as StartAt }), 'REQUEST_MALFORMED'],
    [consumeRequest({}), 'TOPIC_NAME_INVALID'],
    [consumeRequest({ topic: '__proto__' }), 'TOPIC_NAME_INVALID'],
    [consumeRequest({ topic: 'orders', origin: '../x' }), 'NODE_NAME_INVALID'],
    [consumeRequest({ topic: 'orders', cursor: Uint8Array.from([1, 2, 3]) }), 'CURSOR_INVALID'],
    [consumeRequest({ topic: 'orders', cursor: cursorAt([], 'payments') }), 'CURSOR_INVALID'],
  ]
  for (const [bytes, code] of cases) assert.equal((await errorOf(callOf(consume(deps)).say(bytes))).code, code)
})

test('only who may consume the topic does', async () => {
  const authorizer = await createAuthorizer({ policyText: 'p, anonymous, orders, consume\n' })
  for (const [tls, code] of [
    [false, 'PERMISSION_DENIED'],
    [true, 'UNAUTHENTICATED'],
  ] as const) {
    const deps = parts({ access: createAccess(authorizer, tls) })
    deps.journal.add('orders', 'a', epochA, 'a1')
    deps.journal.add('payments', 'a', epochA, 'p1')
    assert.deepEqual((await ask(deps, { topic: 'orders' })).values, ['a1'])
    const error = await errorOf(callOf(consume(deps)).say(consumeRequest({ topic: 'payments' })))
    assert.equal(error.code, code)
    assert.deepEqual(error.facts, { subject: 'anonymous', act: 'consume', topic: 'payments' })
  }
})

test('a node that stops lets waiting callers go', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', startAt: StartAt.END, waitMs: 1000 }))
  deps.phase.set('draining')
  assert.equal((await errorOf(call)).code, 'NODE_STOPPING')
  assert.equal(deps.clock.timers, 0)
})

test('a caller that goes away leaves nothing behind', async () => {
  const deps = parts()
  deps.journal.add('orders', 'a', epochA, 'old')
  const call = callOf(consume(deps)).say(consumeRequest({ topic: 'orders', startAt: StartAt.END, waitMs: 1000 }))
  call.cancel()
  assert.equal(deps.clock.timers, 0)
  deps.journal.add('orders', 'a', epochA, 'new')
  await settled()
  assert.equal(call.sent.length, 0)
})
