import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { ProduceStreamRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochOf, type FakeCall, fakeCluster, first, type Handler, read, second } from './fake-cluster.ts'
import { acknowledge, logOf, producerOf } from './fake-log.ts'

test('records sent together travel in one batch and get their own offsets, in order', async () => {
  const log = logOf(1)
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: log.handler } }), { copies: 2 })
  const ids = await Promise.all([
    producer.send({ value: 'a' }),
    producer.send({ key: 'k', value: new Uint8Array([1]), headers: [['h', 'v']] }),
    producer.send({ value: '' }),
  ])
  assert.deepEqual(
    ids,
    [0, 1, 2].map((offset) => ({ origin: 'node-1', epoch: epochOf(1), offset })),
  )
  assert.equal(log.batches.length, 1)
  assert.equal(log.batches[0]!.topic, 't')
  assert.equal(log.batches[0]!.copies, 2)
  const record = log.batches[0]!.batch!.records[1]!
  assert.equal(new TextDecoder().decode(record.key), 'k')
  assert.deepEqual(record.value, new Uint8Array([1]))
  assert.equal(record.headers[0]!.name, 'h')
})

test('a batch ends at its size, and all batches share one stream', async () => {
  const log = logOf(1)
  const cluster = fakeCluster({ [first]: { ProduceStream: log.handler } })
  const producer = producerOf(cluster, { maxBatchBytes: 1000 })
  const value = new Uint8Array(400)
  const ids = await Promise.all(Array.from({ length: 6 }, () => producer.send({ value })))
  assert.deepEqual(
    ids.map((id) => id.offset),
    [0, 1, 2, 3, 4, 5],
  )
  assert.deepEqual(
    log.batches.map((request) => request.batch!.records.length),
    [2, 2, 2],
  )
  assert.equal(cluster.calls.filter((call) => call.endsWith('ProduceStream')).length, 1)
})

test('flush sends what is gathered and waits for it; close refuses what comes later', async () => {
  const log = logOf(1)
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: log.handler } }), { lingerMs: 3_600_000 })
  const sent = producer.send({ value: 'a' })
  await producer.flush()
  assert.equal(log.batches.length, 1)
  assert.equal((await sent).offset, 0)
  await producer.close()
  await assert.rejects(producer.send({ value: 'b' }), { code: 'CANCELLED' })
})

test('a server that cannot be reached is passed over: nothing was sent to it', async () => {
  const log = logOf(2)
  const cluster = fakeCluster({
    [first]: { ProduceStream: logOf(1).handler },
    [second]: { ProduceStream: log.handler },
  })
  cluster.cut(first)
  assert.equal((await producerOf(cluster).send({ value: 'a' })).origin, 'node-2')
})

test('many records at once: one promise, and where they lie, run by run', async () => {
  const log = logOf(1)
  const options = { maxBatchBytes: 500, maxBufferedBytes: 1200 }
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: log.handler } }), options)
  const one = producer.send({ value: new Uint8Array(100) })
  const many = producer.sendAll(Array.from({ length: 20 }, (_, n) => ({ value: new Uint8Array(100).fill(n) })))
  const behind = producer.send({ value: 'behind' })
  const runs = await many
  assert.equal((await one).offset, 0)
  assert.equal((await behind).offset, 21)
  assert.ok(runs.length > 3)
  let offset = 1
  for (const run of runs) {
    assert.equal(run.offset, offset)
    offset += run.count
  }
  assert.equal(offset, 21)
  const values = log.batches.flatMap(({ batch }) => batch!.records.map(({ value }) => value[0]))
  assert.deepEqual(
    values.slice(1, 21),
    Array.from({ length: 20 }, (_, n) => n),
  )
  assert.deepEqual(await producer.sendAll([]), [])
})

test('many records of which some are refused: the first error, and nothing more is sent', async () => {
  const producer = producerOf(
    fakeCluster({
      [first]: {
        ProduceStream: (call) => {
          call.onMessage = () => call.finish(new ReeveError('PERMISSION_DENIED', 'not you'))
        },
      },
    }),
    { maxBatchBytes: 500, maxBufferedBytes: 1200 },
  )
  let taken = 0
  function* endless() {
    for (;;) yield { value: new Uint8Array(++taken && 100) }
  }
  await assert.rejects(producer.sendAll(endless()), { code: 'PERMISSION_DENIED' })
  assert.ok(taken < 100)
})

test('what is no record is refused alone', async () => {
  const log = logOf(1)
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: log.handler } }))
  await assert.rejects(producer.send({} as { value: string }), TypeError)
  await producer.flush()
  const good = producer.send({ value: 'a' })
  await assert.rejects(producer.send({ value: 'b', headers: 5 as unknown as [] }), TypeError)
  assert.equal((await good).offset, 0)
  assert.equal(log.batches.length, 1)
})

test('a refused batch rejects with the reason; the producer goes on', async () => {
  let calls = 0
  const log = logOf(1)
  const refusing: Handler = (call) => {
    calls += 1
    if (calls > 1) return log.handler(call)
    call.onMessage = () => call.finish(new ReeveError('PERMISSION_DENIED', 'not you'))
  }
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: refusing } }))
  await assert.rejects(producer.send({ value: 'a' }), { code: 'PERMISSION_DENIED', message: 'not you' })
  assert.equal((await producer.send({ value: 'b' })).offset, 0)
})

test('no server: the records are refused as not sent', async () => {
  const cluster = fakeCluster({ [first]: {} })
  cluster.cut(first)
  await assert.rejects(producerOf(cluster, {}, 0).send({ value: 'a' }), { code: 'UNAVAILABLE' })
})

test('a full buffer holds further records back, in order', async () => {
  const held: { call: FakeCall; values: number[] }[] = []
  let notify: () => void = () => undefined
  const slow: Handler = (call) => {
    call.onMessage = (bytes) => {
      const { records } = read(ProduceStreamRequestSchema, bytes).batch!
      held.push({ call, values: records.map((record) => record.value[0]!) })
      notify()
    }
  }
  const cluster = fakeCluster({ [first]: { ProduceStream: slow } })
  const producer = producerOf(cluster, { maxBatchBytes: 100, maxBufferedBytes: 250 })
  const arrived = async (count: number) => {
    while (held.length < count) await new Promise<void>((resolve) => (notify = resolve))
  }
  const send = (n: number) => producer.send({ value: new Uint8Array(100).fill(n) })
  const proof = send(9)
  await arrived(1)
  acknowledge(held[0]!.call, 1, 0, 1)
  await proof
  held.length = 0
  const sends = [0, 1, 2, 3, 4].map(send)
  await arrived(3)
  let ready = false
  const room = producer.ready().then(() => {
    ready = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(held.length, 3, 'two of five wait for room')
  assert.equal(ready, false)
  // One more at the very moment when there is room again: it must not overtake those that wait.
  const late = sends[0]!.then(() => send(5))
  for (let n = 0; n < 6; n++) {
    await arrived(n + 1)
    acknowledge(held[n]!.call, 1, n, 1)
  }
  await late
  await Promise.all([...sends, room])
  assert.deepEqual(
    held.flatMap((batch) => batch.values),
    [0, 1, 2, 3, 4, 5],
  )
})

test('a full buffer is a matter of records, too; ready waits behind all that waits already', async () => {
  const log = logOf(1)
  const options = { maxBatchBytes: 40, maxBufferedRecords: 5 }
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: log.handler } }), options)
  let acknowledged = 0
  const sends = Array.from({ length: 1000 }, async (_, n) => {
    const { offset } = await producer.send({ value: `${n}` })
    acknowledged++
    return offset
  })
  await producer.ready()
  assert.ok(acknowledged >= 990, `${acknowledged} acknowledged`)
  await producer.flush()
  assert.deepEqual(
    await Promise.all(sends),
    Array.from({ length: 1000 }, (_, n) => n),
  )
})

test('an acknowledgement of something else ends the stream instead of being believed', async () => {
  const wrong: Handler = (call) => {
    call.onMessage = () => acknowledge(call, 1, 0, 99)
  }
  const log = logOf(2)
  const cluster = fakeCluster({ [first]: { ProduceStream: wrong }, [second]: { ProduceStream: log.handler } })
  assert.equal((await producerOf(cluster).send({ value: 'a' })).origin, 'node-2')
  const alone = producerOf(fakeCluster({ [first]: { ProduceStream: wrong } }), {}, 0)
  await assert.rejects(alone.send({ value: 'a' }), { code: 'OUTCOME_UNKNOWN' })
})

test('flush waits for what was sent before it, not for what comes later', async () => {
  const calls: FakeCall[] = []
  let arrived: () => void = () => undefined
  const slow: Handler = (call) => {
    call.onMessage = () => {
      calls.push(call)
      arrived()
    }
  }
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: slow } }), { maxBatchBytes: 1 })
  const atServer = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const early = producer.send({ value: 'a' })
  const flushed = producer.flush()
  await atServer
  const late = producer.send({ value: 'b' })
  acknowledge(calls[0]!, 1, 0, 1)
  await Promise.all([early, flushed])
  acknowledge(calls[0]!, 1, 1, 1)
  await late
})
