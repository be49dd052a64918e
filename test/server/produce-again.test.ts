import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProduceResponseSchema, ProduceStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import type { Journal } from '../../src/log/journal.ts'
import { logKey } from '../../src/log/log-id.ts'
import { createAcks } from '../../src/server/acks.ts'
import { produce } from '../../src/server/produce.ts'
import { produceStream } from '../../src/server/produce-stream.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { bytesOf, epochA, epochB, openOn, readAll, viewOf } from '../log/scenery.ts'
import { settled } from './fake-call.ts'
import { callOf, errorOf, parts, produceRequest, records, streamedRequest } from './parts.ts'

const producerId = new Uint8Array(16).fill(5)
const ownLog = { topic: 'orders', origin: 'a', epoch: epochA }

async function node(disk = new MemoryDisk(), name = 'a', epoch = epochA) {
  const { journal } = await openOn(disk, { node: name, epoch })
  return { ...parts(), journal, disk }
}

const batch = (sequence: number, ...values: string[]) => ({
  ...{ topic: 'orders', batch: records(...values), producerId, producerSequence: BigInt(sequence) },
})

async function unary(
  deps: ReturnType<typeof parts> | { journal: Journal },
  request: ReturnType<typeof batch>,
  copies = 0,
) {
  const call = callOf(produce({ ...parts(), ...deps })).say(produceRequest({ ...request, copies }))
  const error = await call.done
  if (error) throw error
  return call.answers(ProduceResponseSchema)[0]!
}

test('a produce that is sent again gets the first answer, and the word that it is one', async () => {
  const deps = await node()
  const first = await unary(deps, batch(0, 'x', 'y'))
  const again = await unary(deps, batch(0, 'x', 'y'))
  assert.deepEqual(again, { ...first, duplicate: true })
  assert.equal(first.duplicate, false)
  await assert.rejects(unary(deps, batch(0, 'x', 'z')), {
    code: 'PRODUCER_CONFLICT',
    facts: { sequence: '0', records: '2' },
  })
  await assert.rejects(unary(deps, batch(7, 'w')), {
    code: 'PRODUCER_OUT_OF_ORDER',
    facts: { sequence: '7', expected: '2' },
  })
  const skipping = await unary(deps, { ...batch(7, 'w'), producerSkips: true } as ReturnType<typeof batch>)
  assert.equal(skipping.baseOffset, 2n)
})

test('a stream names its producer once; its sequences go on, and again from where the client was left without answers', async () => {
  const deps = await node()
  const { producerId: _, ...rest } = batch(2, 'z')
  const stream = callOf(produceStream(deps))
    .say(streamedRequest(batch(0, 'x', 'y')), streamedRequest({ ...rest, topic: '' }))
    .end()
  assert.equal(await stream.done, undefined)
  const repeated = callOf(produceStream(deps))
    .say(streamedRequest(batch(2, 'z')), streamedRequest(batch(3, 'new')))
    .end()
  assert.equal(await repeated.done, undefined)
  assert.deepEqual(
    [...stream.answers(ProduceStreamResponseSchema), ...repeated.answers(ProduceStreamResponseSchema)].map(
      ({ baseOffset, duplicate }) => [Number(baseOffset), duplicate],
    ),
    [
      [0, false],
      [2, false],
      [2, true],
      [3, false],
    ],
  )
  const other = callOf(produceStream(deps)).say(
    streamedRequest(batch(4, 'w')),
    streamedRequest({ batch: records('?') }),
  )
  assert.equal((await errorOf(other)).code, 'PRODUCER_CONFLICT')
})

test('once something was refused nothing behind it is taken, even while its refusal waits for its turn', async () => {
  const deps = await node()
  const call = callOf(produceStream(deps), { remainingMs: 10_000 })
  call.say(streamedRequest({ topic: 'orders', batch: records('x'), copies: 2 }))
  await settled()
  deps.disk.fail('write', 'ENOSPC')
  call.say(streamedRequest(batch(0, 'refused')))
  await settled()
  call.say(streamedRequest(batch(1, 'behind')))
  await settled()
  deps.copies.note('b', logKey(ownLog), 1)
  assert.equal((await errorOf(call)).code, 'DISK_FULL')
  assert.equal(viewOf(deps.journal, ownLog).end, 1)
})

test('copies are waited for of that which was stored first', async () => {
  const deps = await node()
  await unary(deps, batch(0, 'x'))
  await unary(deps, batch(1, 'y'))
  const call = callOf(produce(deps)).say(produceRequest({ ...batch(0, 'x'), copies: 2 }))
  await settled()
  assert.equal(call.over, false)
  deps.copies.note('b', logKey(ownLog), 1)
  await call.done
  assert.equal(call.answers(ProduceResponseSchema)[0]?.copies, 2)

  const late = callOf(produce(deps), { remainingMs: 1000 }).say(produceRequest({ ...batch(1, 'y'), copies: 2 }))
  await settled()
  deps.clock.pass(1000)
  const { code, facts } = await errorOf(late)
  assert.deepEqual([code, facts.offset, facts.copies], ['COPIES_PENDING', '1', '1'])
})

test('of the log of another node those count that copied it from here, and its writer while that runs', async () => {
  const origin = await node()
  const first = await unary(origin, batch(0, 'x'))
  const deps = await node(new MemoryDisk(), 'b', epochB)
  await deps.journal.replicate(ownLog, bytesOf(readAll(viewOf(origin.journal, ownLog))))
  assert.deepEqual(await unary(deps, batch(0, 'x')), { ...first, duplicate: true })

  for (const [acks, others] of [
    [createAcks({ ...deps, isLive: ({ origin }) => origin === 'a' }), ['c']],
    [deps.acks, ['c', 'd']],
  ] as const) {
    const call = callOf(produce({ ...deps, acks })).say(produceRequest({ ...batch(0, 'x'), copies: 3 }))
    for (const other of others) {
      await settled()
      assert.equal(call.over, false)
      deps.copies.note(other, logKey(ownLog), 1)
    }
    await call.done
    assert.equal(call.answers(ProduceResponseSchema)[0]?.copies, 3)
    for (const other of others) deps.copies.forget(other)
  }
  assert.equal(deps.clock.timers, 0)
})
