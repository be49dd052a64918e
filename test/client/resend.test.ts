import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { ProduceStreamRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochOf, fakeCluster, first, type Handler, read, second } from './fake-cluster.ts'
import { acknowledge, firstValues, logOf, producerOf, silent } from './fake-log.ts'

test('each batch has its place in the sequence of the producer; the first of a stream says whose, and that it skips', async () => {
  const log = logOf(1)
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: log.handler } }), { maxBatchBytes: 250 })
  await Promise.all(Array.from({ length: 5 }, () => producer.send({ value: new Uint8Array(100) })))
  await producer.send({ value: 'last' })
  assert.deepEqual(
    log.batches.map(({ producerSequence, producerSkips, producerId, topic }) => [
      ...[Number(producerSequence), producerSkips, producerId.length, topic],
    ]),
    [
      [0, true, 16, 't'],
      [2, false, 0, ''],
      [4, false, 0, ''],
      [5, false, 0, ''],
    ],
  )
})

test('what a lost server has not answered goes to the next one, in order and under the same sequences; nothing else does', async () => {
  const lossy = silent(3)
  const log = logOf(2)
  const cluster = fakeCluster({ [first]: { ProduceStream: lossy.handler }, [second]: { ProduceStream: log.handler } })
  const producer = producerOf(cluster, { maxBatchBytes: 1 })
  const sent = ['a', 'b', 'c'].map((value) => producer.send({ value }))
  await lossy.full
  acknowledge(lossy.calls[0]!, 1, 7, 1)
  assert.deepEqual(await sent[0], { origin: 'node-1', epoch: epochOf(1), offset: 7 })
  cluster.cut(first)
  const later = producer.send({ value: 'd' })
  assert.deepEqual(
    (await Promise.all([...sent.slice(1), later])).map(({ origin }) => origin),
    ['node-2', 'node-2', 'node-2'],
  )
  assert.deepEqual(firstValues(log.batches), ['b', 'c', 'd'])
  assert.deepEqual(
    log.batches.map(({ producerSequence, producerSkips }) => [Number(producerSequence), producerSkips]),
    [
      [1, true],
      [2, false],
      [3, false],
    ],
  )
  assert.deepEqual(log.batches[0]!.producerId, lossy.requests[0]!.producerId)
})

test('the same server, back again, is asked again', async () => {
  const lossy = silent(1)
  const log = logOf(1)
  let calls = 0
  const handler: Handler = (call) => (++calls === 1 ? lossy.handler(call) : log.handler(call))
  const cluster = fakeCluster({ [first]: { ProduceStream: handler } })
  const sent = producerOf(cluster).send({ value: 'a' })
  await lossy.full
  cluster.cut(first)
  cluster.restore(first)
  await sent
  assert.deepEqual(
    log.batches.map(({ batch, ...rest }) => rest),
    lossy.requests.map(({ batch, ...rest }) => rest),
  )
})

test('a stream that ends when nothing is owed is no failure of its server', async () => {
  const log = logOf(1)
  const ending: Handler = (call) => {
    log.handler(call)
    const take = call.onMessage
    call.onMessage = (bytes) => {
      take(bytes)
      call.finish()
    }
  }
  const cluster = fakeCluster({ [first]: { ProduceStream: ending }, [second]: { ProduceStream: logOf(2).handler } })
  const producer = producerOf(cluster)
  for (let n = 0; n < 3; n++) assert.equal((await producer.send({ value: 'a' })).origin, 'node-1')
  assert.deepEqual(
    log.batches.map(({ producerSequence, producerSkips }) => [Number(producerSequence), producerSkips]),
    [
      [0, true],
      [1, true],
      [2, true],
    ],
  )
})

test('no server for too long: unknown is the outcome of what was sent, the rest was not sent', async () => {
  const lossy = silent(1)
  const cluster = fakeCluster({ [first]: { ProduceStream: lossy.handler } })
  const producer = producerOf(cluster, {}, 0)
  const sent = producer.send({ value: 'a' })
  await lossy.full
  const never = producer.send({ value: 'b' })
  cluster.cut(first)
  await assert.rejects(sent, { code: 'OUTCOME_UNKNOWN' })
  await assert.rejects(never, { code: 'UNAVAILABLE' })
})

test('a server that takes too long to answer is given up like one that was lost', async () => {
  const slow = silent(1)
  const log = logOf(2)
  const cluster = fakeCluster({ [first]: { ProduceStream: slow.handler }, [second]: { ProduceStream: log.handler } })
  const { origin } = await producerOf(cluster, { ackTimeoutMs: 1 }).send({ value: 'a' })
  assert.equal(origin, 'node-2')
  assert.ok(slow.calls[0]!.cancelled)
})

test('no more is in flight than a server remembers; what waits gathers meanwhile', async () => {
  const held = silent(32)
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: held.handler } }), { lingerMs: 0 })
  const sent: Promise<unknown>[] = []
  const sendOne = async () => {
    sent.push(producer.send({ value: `${sent.length}` }))
    await new Promise((resolve) => setImmediate(resolve))
  }
  while (held.requests.length < 32) await sendOne()
  for (let n = 0; n < 8; n++) await sendOne()
  assert.equal(held.requests.length, 32)
  for (let n = 0; n < held.requests.length; n++) {
    acknowledge(held.calls[0]!, 1, n, held.requests[n]!.batch!.records.length)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(sent)
  assert.equal(held.requests.length, 33)
  assert.equal(held.requests[32]!.batch!.records.length, 8)
})

for (const [code, sends, outcome] of [
  ['COPIES_PENDING', 1, 'COPIES_PENDING'],
  ['PRODUCER_CONFLICT', 2, 'PRODUCER_CONFLICT'],
  ['PRODUCER_OUT_OF_ORDER', 1, 'PRODUCER_OUT_OF_ORDER'],
  ['PRODUCER_OUT_OF_ORDER', 2, 'OUTCOME_UNKNOWN'],
] as const) {
  test(`${code} for what was sent ${sends === 1 ? 'once' : 'twice'} is ${outcome}; what is behind goes on`, async () => {
    const lossy = silent(2)
    const log = logOf(2)
    let calls = 0
    const judging: Handler = (call) => {
      if (++calls > 1) return log.handler(call)
      call.onMessage = () => call.finish(new ReeveError(code, 'judged'))
    }
    const cluster = fakeCluster({ [first]: { ProduceStream: lossy.handler }, [second]: { ProduceStream: judging } })
    if (sends === 1) cluster.cut(first)
    const producer = producerOf(cluster, { maxBatchBytes: 1 })
    const [one, two] = [producer.send({ value: 'a' }), producer.send({ value: 'b' })]
    if (sends === 2) {
      await lossy.full
      cluster.cut(first)
    }
    await assert.rejects(one, { code: outcome })
    await two
    assert.deepEqual(firstValues(log.batches), ['b'])
    assert.equal(log.batches[0]!.producerSequence, 1n)
  })
}

test('each batch is judged for itself: a refusal leaves no doubt about those behind it', async () => {
  const refusing: Handler = (call) => {
    call.onMessage = () => call.finish(new ReeveError('COPIES_IMPOSSIBLE', 'too many'))
  }
  const producer = producerOf(fakeCluster({ [first]: { ProduceStream: refusing } }), { maxBatchBytes: 1 })
  const results = await Promise.allSettled(['a', 'b', 'c'].map((value) => producer.send({ value })))
  assert.deepEqual(
    results.map((result) => result.status === 'rejected' && result.reason.code),
    ['COPIES_IMPOSSIBLE', 'COPIES_IMPOSSIBLE', 'COPIES_IMPOSSIBLE'],
  )
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

for (const code of ['NODE_STARTING', 'NODE_STOPPING'] as const) {
  test(`the only server there is answers ${code} and is asked again soon: it may be another run by then`, async () => {
    const log = logOf(1)
    let calls = 0
    const restarting: Handler = (call) => {
      if (++calls > 4) return log.handler(call)
      call.onMessage = () => call.finish(new ReeveError(code, 'not now'))
    }
    const cluster = fakeCluster({ [first]: { ProduceStream: restarting } })
    assert.equal((await producerOf(cluster, {}, 60_000).send({ value: 'a' })).origin, 'node-1')
    assert.equal(log.batches.length, 1)
  })

  test(`what was refused with ${code} until the time was over was not stored, and that is known`, async () => {
    const refusing: Handler = (call) => {
      call.onMessage = () => call.finish(new ReeveError(code, 'not now'))
    }
    const cluster = fakeCluster({ [first]: { ProduceStream: refusing } })
    await assert.rejects(producerOf(cluster, {}, 0).send({ value: 'a' }), { code })
  })

  test(`what one server was lost with stays in doubt, though the next one answers ${code}`, async () => {
    const lossy = silent(1)
    const refusing: Handler = (call) => {
      call.onMessage = () => call.finish(new ReeveError(code, 'not now'))
    }
    const cluster = fakeCluster({ [first]: { ProduceStream: lossy.handler }, [second]: { ProduceStream: refusing } })
    const sent = producerOf(cluster, {}, 50).send({ value: 'a' })
    await lossy.full
    cluster.cut(first)
    await assert.rejects(sent, { code: 'OUTCOME_UNKNOWN' })
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
