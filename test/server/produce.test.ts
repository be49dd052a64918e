import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { Durability, ProduceResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochToBytes, logKey } from '../../src/log/log-id.ts'
import { createAccess } from '../../src/server/access.ts'
import { createAuthorizer } from '../../src/server/authorizer.ts'
import { produce } from '../../src/server/produce.ts'
import { settled } from './fake-call.ts'
import { epochA } from './memory-journal.ts'
import { callOf, errorOf, parts, produceRequest, records } from './parts.ts'

const ownKey = logKey({ topic: 'orders', origin: 'a', epoch: epochA })

test('an answer says where the batch lies, once it is committed and not before', async () => {
  const deps = parts()
  await deps.journal.append('orders', produceRequest({}), 2)
  deps.journal.hold()
  const call = callOf(produce(deps))
    .say(produceRequest({ topic: 'orders', batch: records('x', 'y') }))
    .end()
  await settled()
  assert.equal(call.sent.length, 0)
  deps.journal.release()
  assert.equal(await call.done, undefined)
  const [answer] = call.answers(ProduceResponseSchema)
  assert.equal(answer?.log?.topic, 'orders')
  assert.equal(answer?.log?.origin, 'a')
  assert.deepEqual(Buffer.from(answer?.log?.epoch ?? []), Buffer.from(epochToBytes(epochA)))
  assert.equal(answer?.baseOffset, 2n)
  assert.equal(answer?.recordCount, 2)
  assert.equal(answer?.copies, 1)
  assert.equal(answer?.durability, Durability.FSYNC)
  assert.ok((answer?.timestamp ?? 0n) > 0n)
})

test('the relaxed durability stands in every answer', async () => {
  const call = callOf(produce({ ...parts(), durability: 'os' })).say(
    produceRequest({ topic: 't', batch: records('x') }),
  )
  await call.done
  assert.equal(call.answers(ProduceResponseSchema)[0]?.durability, Durability.OS)
})

test('what cannot be appended is refused by its reason, and nothing is written', async () => {
  const cases: [Uint8Array, string][] = [
    [Uint8Array.from([0xff]), 'REQUEST_MALFORMED'],
    [produceRequest({ batch: records('x') }), 'TOPIC_NAME_INVALID'],
    [produceRequest({ topic: '../x', batch: records('x') }), 'TOPIC_NAME_INVALID'],
    [produceRequest({ topic: '__proto__', batch: records('x') }), 'TOPIC_NAME_INVALID'],
    [produceRequest({ topic: 'CON', batch: records('x') }), 'TOPIC_NAME_INVALID'],
    [produceRequest({ topic: 'a\0b', batch: records('x') }), 'TOPIC_NAME_INVALID'],
    [produceRequest({ topic: 'x'.repeat(300), batch: records('x') }), 'TOPIC_NAME_INVALID'],
    [produceRequest({ topic: 'orders' }), 'BATCH_EMPTY'],
    [produceRequest({ topic: 'orders', batch: records() }), 'BATCH_EMPTY'],
    [produceRequest({ topic: 'orders', batch: records('x'.repeat(600)) }), 'BATCH_TOO_LARGE'],
    [produceRequest({ topic: 'orders', batch: records(...'elevenwords'.split('')) }), 'BATCH_TOO_LARGE'],
    [Uint8Array.from([0x0a, 1, 0x74, 0x12, 2, 0x12, 0]), 'BATCH_MALFORMED'],
    [produceRequest({ topic: 'orders', batch: records('x'), copies: 4 }), 'COPIES_IMPOSSIBLE'],
    [produceRequest({ topic: 'orders', batch: records('x'), copies: 2 ** 32 - 2 }), 'COPIES_IMPOSSIBLE'],
    [
      produceRequest({ topic: 'orders', batch: records('x'), producerId: new Uint8Array(15).fill(1) }),
      'REQUEST_MALFORMED',
    ],
    [produceRequest({ topic: 'orders', batch: records('x'), producerSequence: 1n }), 'REQUEST_MALFORMED'],
  ]
  for (const [bytes, code] of cases) {
    const deps = parts()
    const call = callOf(produce(deps)).say(bytes)
    assert.equal((await errorOf(call)).code, code)
    assert.equal(deps.journal.appends, 0, code)
    assert.equal(call.sent.length, 0)
  }
})

test('a call takes one message', async () => {
  const deps = parts()
  deps.journal.hold()
  const message = produceRequest({ topic: 'orders', batch: records('x') })
  const two = callOf(produce(deps)).say(message, message)
  assert.equal((await errorOf(two)).code, 'REQUEST_MALFORMED')
  assert.equal(deps.journal.appends, 1)
  const none = callOf(produce(parts())).end()
  assert.equal((await errorOf(none)).code, 'REQUEST_MALFORMED')
})

test('a failing disk reaches the caller as what it is', async () => {
  const deps = parts()
  deps.journal.failAppends(new ReeveError('DISK_FULL', 'no space'))
  const call = callOf(produce(deps)).say(produceRequest({ topic: 'orders', batch: records('x') }))
  assert.equal((await errorOf(call)).code, 'DISK_FULL')
})

test('calls that go to the disk together are answered together, each with its own place, or all refused', async () => {
  for (const error of [undefined, new ReeveError('DISK_FAILED', 'EIO')]) {
    const deps = parts()
    let settle = () => {}
    const durable = new Promise<void>((resolve, reject) => {
      settle = error ? () => reject(error) : resolve
    })
    const place = deps.journal.place.bind(deps.journal)
    deps.journal.place = (...batch) => ({ ...place(...batch), durable })
    const handle = produce(deps)
    const calls = ['x', 'y', 'z'].map((value) =>
      callOf(handle).say(produceRequest({ topic: 'orders', batch: records(value) })),
    )
    calls[1]?.cancel()
    await settled()
    assert.deepEqual(
      calls.map(({ sent }) => sent.length),
      [0, 0, 0],
    )
    settle()
    for (const index of [0, 2]) {
      const call = calls[index] as (typeof calls)[number]
      assert.equal((await call.done)?.code, error?.code)
      const places = call.answers(ProduceResponseSchema).map(({ baseOffset }) => baseOffset)
      assert.deepEqual(places, error ? [] : [BigInt(index)])
    }
  }
})

test('copies are waited for, and counted as they are at the answer', async () => {
  const deps = parts()
  const call = callOf(produce(deps)).say(produceRequest({ topic: 'orders', batch: records('x'), copies: 2 }))
  await settled()
  assert.equal(call.over, false)
  deps.copies.note('b', ownKey, 1)
  await call.done
  assert.equal(call.answers(ProduceResponseSchema)[0]?.copies, 2)
  assert.equal(deps.clock.timers, 0)
})

test('nobody waits for copies on behalf of a call that ended while its batch was on its way to the disk', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produce(deps)).say(produceRequest({ topic: 'orders', batch: records('x'), copies: 2 }))
  await settled()
  call.cancel()
  deps.journal.release()
  await settled()
  assert.equal(deps.clock.timers, 0)
})

test('all copies are those of all nodes that are known when it is asked', async () => {
  const deps = parts()
  const request = produceRequest({ topic: 'orders', batch: records('x'), copies: 2 ** 32 - 1 })
  const call = callOf(produce(deps), { remainingMs: 10_000 }).say(request)
  await settled()
  deps.copies.note('b', ownKey, 1)
  await settled()
  assert.equal(call.over, false)
  deps.copies.note('c', ownKey, 1)
  await call.done
  assert.equal(call.answers(ProduceResponseSchema)[0]?.copies, 3)

  const late = callOf(produce(deps), { remainingMs: 10_000 }).say(request)
  await settled()
  deps.copies.note('c', ownKey, 2)
  deps.clock.pass(10_000)
  const error = await errorOf(late)
  assert.deepEqual([error.code, error.facts.copies, error.facts.wanted], ['COPIES_PENDING', '2', '3'])

  const alone = callOf(produce({ ...parts(), knownNodes: () => 1 })).say(request)
  await alone.done
  assert.equal(alone.answers(ProduceResponseSchema)[0]?.copies, 1)
})

test('copies that are there before anybody waits are seen', async () => {
  const deps = parts()
  deps.journal.hold()
  const call = callOf(produce(deps)).say(produceRequest({ topic: 'orders', batch: records('x'), copies: 3 }))
  deps.copies.note('b', ownKey, 1)
  deps.copies.note('c', ownKey, 1)
  deps.journal.release()
  await call.done
  assert.equal(call.answers(ProduceResponseSchema)[0]?.copies, 3)
})

test('0 and 1 copies mean the own one', async () => {
  for (const copies of [0, 1]) {
    const call = callOf(produce(parts())).say(produceRequest({ topic: 'orders', batch: records('x'), copies }))
    await call.done
    assert.equal(call.answers(ProduceResponseSchema)[0]?.copies, 1)
  }
})

test('copies still missing near the deadline: the answer says where the batch is and how many have it', async () => {
  const deps = parts()
  const request = produceRequest({ topic: 'orders', batch: records('x', 'y'), copies: 3 })
  const call = callOf(produce(deps), { remainingMs: 10_000 }).say(request)
  await settled()
  deps.copies.note('b', ownKey, 2)
  deps.clock.pass(9_749)
  await settled()
  assert.equal(call.over, false)
  deps.clock.pass(1)
  const error = await errorOf(call)
  assert.equal(error.code, 'COPIES_PENDING')
  assert.deepEqual(error.facts, {
    topic: 'orders',
    origin: 'a',
    epoch: epochA,
    offset: '0',
    records: '2',
    copies: '2',
    wanted: '3',
  })
  assert.equal(deps.copies.waiting, 0)
})

test('without a deadline the wait for copies has a limit of the node', async () => {
  const deps = parts()
  const call = callOf(produce(deps)).say(produceRequest({ topic: 'orders', batch: records('x'), copies: 2 }))
  await settled()
  deps.clock.pass(30_000)
  assert.equal((await errorOf(call)).code, 'COPIES_PENDING')
})

test('only who may produce to the topic does', async () => {
  const authorizer = await createAuthorizer({ policyText: 'p, anonymous, orders, produce\np, b, *, produce\n' })
  const deps = parts({ access: createAccess(authorizer, false) })
  const allowed = callOf(produce(deps)).say(produceRequest({ topic: 'orders', batch: records('x') }))
  assert.equal(await allowed.done, undefined)
  const refused = callOf(produce(deps)).say(produceRequest({ topic: 'payments', batch: records('x') }))
  const error = await errorOf(refused)
  assert.equal(error.code, 'PERMISSION_DENIED')
  assert.deepEqual(error.facts, { subject: 'anonymous', act: 'produce', topic: 'payments' })
  const certificate = { uris: [], dnsNames: ['b'] }
  const known = callOf(produce(deps), { certificate }).say(produceRequest({ topic: 'payments', batch: records('x') }))
  assert.equal(await known.done, undefined)
  assert.equal(deps.journal.appends, 2)
})
