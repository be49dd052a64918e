import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProducerOptions } from '../../src/client/producer.ts'
import { ReeveError } from '../../src/errors.ts'
import {
  type ProduceStreamRequest,
  ProduceStreamRequestSchema,
  ProduceStreamResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import {
  clientOf,
  epochBytes,
  epochOf,
  type FakeCall,
  type FakeCluster,
  fakeCluster,
  first,
  type Handler,
  read,
  second,
} from './fake-cluster.ts'

const producerOf = (cluster: FakeCluster, options: Partial<ProducerOptions> = {}, timeoutMs?: number) =>
  clientOf(cluster, timeoutMs).producer({ topic: 't', ...options })

/** A node's log: keeps the batches and acknowledges each. */
function logOf(digit: number): { handler: Handler; batches: ProduceStreamRequest[] } {
  const batches: ProduceStreamRequest[] = []
  let end = 0
  const handler: Handler = (call) => {
    call.onMessage = (bytes) => {
      const request = read(ProduceStreamRequestSchema, bytes)
      batches.push(request)
      acknowledge(call, digit, end, request.batch!.records.length)
      end += request.batch!.records.length
    }
  }
  return { handler, batches }
}

function acknowledge(call: FakeCall, digit: number, baseOffset: number, recordCount: number): void {
  call.send(ProduceStreamResponseSchema, {
    log: { topic: 't', origin: `node-${digit}`, epoch: epochBytes(digit) },
    baseOffset: BigInt(baseOffset),
    recordCount,
    copies: 1,
  })
}

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

test('a server lost before its answer: the outcome is unknown, nothing is sent twice, later records go elsewhere', async () => {
  let arrived: () => void = () => undefined
  const atServer = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const silent: Handler = (call) => {
    call.onMessage = () => arrived()
  }
  const log = logOf(2)
  const cluster = fakeCluster({ [first]: { ProduceStream: silent }, [second]: { ProduceStream: log.handler } })
  const producer = producerOf(cluster)
  const lost = producer.send({ value: 'a' })
  await atServer
  cluster.cut(first)
  await assert.rejects(lost, { code: 'OUTCOME_UNKNOWN' })
  assert.equal((await producer.send({ value: 'b' })).origin, 'node-2')
  assert.deepEqual(
    log.batches.map((request) => new TextDecoder().decode(request.batch!.records[0]!.value)),
    ['b'],
  )
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

test('a refusal of the first batch leaves no doubt about the next one', async () => {
  const arrived: number[] = []
  const refusing: Handler = (call) => {
    call.onMessage = (bytes) => {
      arrived.push(read(ProduceStreamRequestSchema, bytes).batch!.records.length)
      call.finish(new ReeveError('COPIES_IMPOSSIBLE', 'too many'))
    }
  }
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: refusing } }), { maxBatchBytes: 1 })
  const results = await Promise.allSettled([producer.send({ value: 'a' }), producer.send({ value: 'b' })])
  assert.deepEqual(
    results.map((result) => result.status === 'rejected' && result.reason.code),
    ['COPIES_IMPOSSIBLE', 'COPIES_IMPOSSIBLE'],
  )
  assert.deepEqual(arrived, [1, 1])
})

for (const code of ['NODE_STARTING', 'NODE_STOPPING'] as const) {
  test(`a node that answers ${code} took nothing: the same batch goes to another one`, async () => {
    const refusing: Handler = (call) => {
      call.onMessage = () => call.finish(new ReeveError(code, 'not now'))
    }
    const log = logOf(2)
    const cluster = fakeCluster({ [first]: { ProduceStream: refusing }, [second]: { ProduceStream: log.handler } })
    assert.equal((await producerOf(cluster).send({ value: 'a' })).origin, 'node-2')
  })
}

test('what a node has acknowledged before it stops stays with it; only the rest goes to another one', async () => {
  const stopping: Handler = (call) => {
    let batches = 0
    call.onMessage = (bytes) => {
      batches += 1
      const { records } = read(ProduceStreamRequestSchema, bytes).batch!
      if (batches < 3) acknowledge(call, 1, batches - 1, records.length)
      else if (batches === 3) call.finish(new ReeveError('NODE_STOPPING', 'this node is stopping'))
    }
  }
  const log = logOf(2)
  const cluster = fakeCluster({ [first]: { ProduceStream: stopping }, [second]: { ProduceStream: log.handler } })
  const producer = producerOf(cluster, { maxBatchBytes: 1 })
  const ids = await Promise.all(['a', 'b', 'c', 'd'].map((value) => producer.send({ value })))
  assert.deepEqual(
    ids.map(({ origin }) => origin),
    ['node-1', 'node-1', 'node-2', 'node-2'],
  )
  assert.deepEqual(
    log.batches.map(({ batch }) => new TextDecoder().decode(batch!.records[0]!.value)),
    ['c', 'd'],
  )
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

test('an acknowledgement of something else ends the stream instead of being believed', async () => {
  const wrong: Handler = (call) => {
    call.onMessage = () => acknowledge(call, 1, 0, 99)
  }
  await assert.rejects(producerOf(fakeCluster({ [first]: { ProduceStream: wrong } })).send({ value: 'a' }), {
    code: 'OUTCOME_UNKNOWN',
  })
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
  calls[0]!.finish()
  await assert.rejects(late, { code: 'OUTCOME_UNKNOWN' })
})
