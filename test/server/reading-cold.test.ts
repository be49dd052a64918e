import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConsumeResponseSchema, ConsumeStreamResponseSchema, ReadOrder } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { consume } from '../../src/server/consume.ts'
import { consumeStream } from '../../src/server/consume-stream.ts'
import { type FakeCall, settled } from './fake-call.ts'
import { epochA, epochB, type MemoryLog } from './memory-journal.ts'
import { callOf, consumeRequest, followRequest, parts, valuesOf } from './parts.ts'

const values = (call: FakeCall) =>
  call.answers(ConsumeStreamResponseSchema).flatMap(({ batches }) => batches.flatMap(({ batch }) => valuesOf(batch)))

/** The device delivers what it was asked for. */
async function deliver(log: MemoryLog): Promise<void> {
  for (const arrived of log.fetched.splice(0)) arrived()
  await settled()
}

for (const order of [ReadOrder.ARRIVAL, ReadOrder.TIMESTAMP]) {
  const how = order === ReadOrder.TIMESTAMP ? 'by time' : 'as it arrived'

  test(`what has to come from a slow device is not waited for with a blocked loop, ${how}`, async () => {
    const deps = parts()
    const log = deps.journal.add('t', 'a', epochA, 'a0')
    for (let n = 1; n < 20; n++) deps.journal.add('t', 'a', epochA, `a${n}`.padEnd(100_000))
    log.cold = true
    const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't', order }))
    await settled()
    assert.deepEqual([log.reads, log.fetches, call.sent.length, call.over], [0, 1, 0, false])
    let turns = 0
    for (; !call.over; turns++) {
      const reads = log.reads
      await deliver(log)
      deps.clock.pass(0)
      assert.ok(log.reads - reads <= 20, 'much more was read than was fetched')
    }
    assert.ok(turns >= 2, `all was there after ${turns} fetches`)
    assert.equal(await call.done, undefined)
    assert.deepEqual(
      values(call).map((value) => value.trim()),
      Array.from({ length: 20 }, (_, n) => `a${n}`),
    )
    assert.equal(call.answers(ConsumeStreamResponseSchema).at(-1)!.atEnd, true)
  })

  test(`a single answer waits for the device, ${how}`, async () => {
    const deps = parts()
    const log = deps.journal.add('t', 'a', epochA, 'a0')
    log.cold = true
    const call = callOf(consume(deps)).say(consumeRequest({ topic: 't', order }))
    await settled()
    assert.deepEqual([log.reads, call.over], [0, false])
    await deliver(log)
    assert.equal(await call.done, undefined)
    const [answer] = call.answers(ConsumeResponseSchema)
    assert.deepEqual(valuesOf(answer!.batches[0]!.batch), ['a0'])
    assert.equal(answer!.atEnd, true)
  })
}

test('other logs are read meanwhile, and the end is not told before all is there', async () => {
  const deps = parts()
  const log = deps.journal.add('t', 'a', epochA, 'slow')
  deps.journal.add('t', 'b', epochB, 'quick')
  log.cold = true
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't', follow: true }))
  await settled()
  assert.deepEqual(values(call), ['quick'])
  assert.ok(call.answers(ConsumeStreamResponseSchema).every(({ atEnd }) => !atEnd))
  await deliver(log)
  assert.deepEqual(values(call), ['quick', 'slow'])
  assert.equal(call.answers(ConsumeStreamResponseSchema).at(-1)!.atEnd, true)
})

test('a caller that goes away while the device is busy is forgotten', async () => {
  const deps = parts()
  const log = deps.journal.add('t', 'a', epochA, 'a0')
  log.cold = true
  const call = callOf(consumeStream(deps)).say(followRequest({ topic: 't' }))
  await settled()
  call.cancel()
  await deliver(log)
  assert.deepEqual([log.reads, call.sent.length], [0, 0])
})
