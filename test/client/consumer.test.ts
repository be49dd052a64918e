import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerOptions } from '../../src/client/consumer-options.ts'
import type { ConsumedRecord } from '../../src/client/record.ts'
import { ReeveError } from '../../src/errors.ts'
import {
  type ConsumeStreamRequest,
  ConsumeStreamRequestSchema,
  ConsumeStreamResponseSchema,
  ReadOrder,
  StartAt,
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

const consumerOf = (cluster: FakeCluster, options: Partial<ConsumerOptions> = {}, timeoutMs?: number) =>
  clientOf(cluster, timeoutMs).consumer({ topic: 't', ...options })

/** Delivers records `from` to `to` in one answer; its cursor is the text of `to`. */
function deliver(call: FakeCall, from: number, to: number, size = 1): void {
  const records = Array.from({ length: to - from }, (_, n) => ({
    key: new TextEncoder().encode('k'),
    value: new Uint8Array(size).fill(from + n),
    timestampMs: 5n,
    headers: [{ name: 'h', value: new Uint8Array([9]) }],
  }))
  call.send(ConsumeStreamResponseSchema, {
    batches: [
      { origin: 'a', epoch: epochBytes(3), baseOffset: BigInt(from), timestamp: 1000n << 16n, batch: { records } },
    ],
    cursor: new TextEncoder().encode(String(to)),
  })
}

const positionIn = (request: ConsumeStreamRequest) => Number(new TextDecoder().decode(request.cursor) || '0')

test('records come with their ids, times, keys and headers; the end ends the iteration', async () => {
  const requests: ConsumeStreamRequest[] = []
  const handler: Handler = (call) => {
    call.onMessage = (bytes) => {
      requests.push(read(ConsumeStreamRequestSchema, bytes))
      deliver(call, 0, 1)
      deliver(call, 1, 2)
      call.finish()
    }
  }
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), { origin: 'a', maxRecords: 7 })
  const records: ConsumedRecord[] = []
  for await (const record of consumer) records.push(record)
  const { topic, origin, epoch, offset, timestampMs, producedMs, key, value, headers } = records[0]!
  const seen = { topic, origin, epoch, offset, timestampMs, producedMs, key, value, headers }
  assert.deepEqual(seen, {
    topic: 't',
    origin: 'a',
    epoch: epochOf(3),
    offset: 0,
    timestampMs: 1000,
    producedMs: 5,
    key: new TextEncoder().encode('k'),
    value: new Uint8Array([0]),
    headers: [['h', new Uint8Array([9])]],
  })
  assert.equal(records[1]!.offset, 1)
  assert.equal(new TextDecoder().decode(consumer.cursor), '2')
  assert.equal(requests[0]!.startAt, StartAt.START)
  assert.equal(requests[0]!.origin, 'a')
  assert.equal(requests[0]!.maxRecords, 7n)
})

test('after a loss it goes on at another server, from what it has: nothing twice, nothing missing', async () => {
  const requests: ConsumeStreamRequest[] = []
  const serve =
    (upTo: number, then: (call: FakeCall) => void): Handler =>
    (call) => {
      call.onMessage = (bytes) => {
        const request = read(ConsumeStreamRequestSchema, bytes)
        requests.push(request)
        for (let n = positionIn(request); n < upTo; n++) deliver(call, n, n + 1)
        then(call)
      }
    }
  const cluster = fakeCluster({
    [first]: { ConsumeStream: serve(3, () => cluster.cut(first)) },
    [second]: { ConsumeStream: serve(5, (call) => call.finish()) },
  })
  const offsets: number[] = []
  for await (const record of consumerOf(cluster, { follow: true, maxRecords: 5 })) offsets.push(record.offset)
  assert.deepEqual(offsets, [0, 1, 2, 3, 4])
  assert.deepEqual(requests.map(positionIn), [0, 3])
  assert.deepEqual(
    requests.map((request) => request.maxRecords),
    [5n, 2n],
  )
})

test('what a producer stored in two logs comes once, unless both are wanted; a limit counts what comes', async () => {
  const requests: ConsumeStreamRequest[] = []
  /** Two logs with the same two records, then a third record; up to the limit asked for. */
  const handler: Handler = (call) => {
    call.onMessage = (bytes) => {
      const request = read(ConsumeStreamRequestSchema, bytes)
      requests.push(request)
      const end = request.maxRecords === 0n ? 5 : Math.min(5, positionIn(request) + Number(request.maxRecords))
      for (let n = positionIn(request); n < end; n++) {
        const sequence = n < 4 ? n % 2 : 2
        const producer = { producerId: new Uint8Array(16).fill(1), producerSequence: BigInt(sequence), recordCount: 1 }
        const batch = { records: [{ value: Uint8Array.of(sequence) }] }
        call.send(ConsumeStreamResponseSchema, {
          batches: [{ origin: n < 2 ? 'a' : 'b', epoch: epochBytes(3), baseOffset: BigInt(n), batch, ...producer }],
          cursor: new TextEncoder().encode(`${n + 1}`),
        })
      }
      call.finish()
    }
  }
  const all = async (options: Partial<ConsumerOptions>) => {
    const values: number[] = []
    const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), options)
    for await (const { value } of consumer) values.push(value[0]!)
    return values
  }
  assert.deepEqual(await all({}), [0, 1, 2])
  assert.deepEqual(await all({ dropRepeats: false }), [0, 1, 0, 1, 2])
  assert.equal(requests.length, 2)
  assert.deepEqual(await all({ maxRecords: 3 }), [0, 1, 2])
  assert.deepEqual(await all({ maxRecords: 4 }), [0, 1, 2])
  assert.deepEqual(await all({ maxRecords: 3, dropRepeats: false }), [0, 1, 0])
})

test('a cursor is presented as it was given', async () => {
  let asked: ConsumeStreamRequest | undefined
  const handler: Handler = (call) => {
    call.onMessage = (bytes) => {
      asked = read(ConsumeStreamRequestSchema, bytes)
      call.finish()
    }
  }
  const from = new TextEncoder().encode('41')
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), { from })
  for await (const _ of consumer) assert.fail('there is nothing')
  assert.equal(positionIn(asked!), 41)
  assert.deepEqual(consumer.cursor, from)
})

test('a refusal ends the iteration with its code', async () => {
  const handler: Handler = (call) => call.finish(new ReeveError('OFFSET_TRIMMED', 'gone'))
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }))
  await assert.rejects(consumer[Symbol.asyncIterator]().next(), { code: 'OFFSET_TRIMMED' })
})

test('a slow reader makes the server pause; taking the records makes it go on', async () => {
  let server: FakeCall | undefined
  const handler: Handler = (call) => {
    server = call
    call.onMessage = () => {
      for (let n = 0; n < 6; n++) deliver(call, n, n + 1, 1024 * 1024)
    }
  }
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), { follow: true })
  const records = consumer[Symbol.asyncIterator]()
  await records.next()
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(server?.paused, true)
  for (let n = 1; n < 6; n++) await records.next()
  assert.equal(server?.paused, false)
  await records.return?.(undefined)
})

test('close ends an iteration that waits, and the call to the server', async () => {
  let server: FakeCall | undefined
  const handler: Handler = (call) => {
    server = call
    call.onMessage = () => deliver(call, 0, 1)
  }
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), { follow: true })
  const records = consumer[Symbol.asyncIterator]()
  await records.next()
  const waiting = records.next()
  consumer.close()
  assert.equal((await waiting).done, true)
  assert.equal(server?.cancelled, true)
})

test('leaving the loop ends the call', async () => {
  let server: FakeCall | undefined
  const handler: Handler = (call) => {
    server = call
    call.onMessage = () => deliver(call, 0, 2)
  }
  for await (const _ of consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), { follow: true })) break
  assert.equal(server?.cancelled, true)
})

test('a malformed answer ends the iteration with a code', async () => {
  const handler: Handler = (call) => {
    call.onMessage = () => call.sendBytes(new Uint8Array([0xff]))
  }
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }))
  await assert.rejects(consumer[Symbol.asyncIterator]().next(), { code: 'INTERNAL' })
})

test('close ends an iteration that looks for a server in vain', async () => {
  const cluster = fakeCluster({ [first]: {} })
  cluster.cut(first)
  const consumer = consumerOf(cluster)
  const iteration = consumer[Symbol.asyncIterator]()
  const next = iteration.next()
  await new Promise((resolve) => setImmediate(resolve))
  consumer.close()
  assert.equal((await next).done, true)
})

test('everything that can be asked for is asked of the server, and asked again after a loss', async () => {
  const requests: ConsumeStreamRequest[] = []
  const answering =
    (then: (call: FakeCall) => void): Handler =>
    (call) => {
      call.onMessage = (bytes) => {
        requests.push(read(ConsumeStreamRequestSchema, bytes))
        const at = positionIn(requests.at(-1)!)
        deliver(call, at, at + 1, 10)
        then(call)
      }
    }
  const cluster = fakeCluster({
    [first]: { ConsumeStream: answering(() => cluster.cut(first)) },
    [second]: { ConsumeStream: answering((call) => call.finish()) },
  })
  const from = { origin: 'a', epoch: epochOf(3), offset: 41 }
  const consumer = consumerOf(cluster, {
    from,
    order: 'timestamp',
    keys: ['k', new Uint8Array([1])],
    keyPrefixes: ['p'],
    maxBytes: 1000,
  })
  for await (const _ of consumer);
  assert.equal(requests.length, 2)
  for (const request of requests) {
    assert.deepEqual(
      [request.startAt, request.origin, Buffer.from(request.startEpoch), request.startOffset, request.order],
      [StartAt.OFFSET, 'a', Buffer.from(epochBytes(3)), 41n, ReadOrder.TIMESTAMP],
    )
    assert.deepEqual(
      request.filter?.keys.map((key) => Buffer.from(key)),
      [Buffer.from('k'), Buffer.from([1])],
    )
    assert.deepEqual(
      request.filter?.prefixes.map((key) => Buffer.from(key)),
      [Buffer.from('p')],
    )
  }
  assert.deepEqual(requests.map(positionIn), [0, 1])
  assert.equal(requests[0]!.maxBytes, 1000n)
  assert.ok(requests[1]!.maxBytes < 1000n && requests[1]!.maxBytes > 900n)
})

test('from a time', async () => {
  let asked: ConsumeStreamRequest | undefined
  const handler: Handler = (call) => {
    call.onMessage = (bytes) => {
      asked = read(ConsumeStreamRequestSchema, bytes)
      call.finish()
    }
  }
  for await (const _ of consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }), { from: { timeMs: 1234.5 } }));
  assert.deepEqual([asked?.startAt, asked?.startTimeMs], [StartAt.TIME, 1235n])
})

test('options that make no sense are refused at once', () => {
  const cluster = fakeCluster({ [first]: {} })
  const position = { origin: 'a', epoch: epochOf(3), offset: 0 }
  for (const options of [
    { from: { timeMs: -1 } },
    { from: { timeMs: Number.NaN } },
    { from: { ...position, epoch: 'x' } },
    { from: { ...position, offset: -1 } },
    { from: position, origin: 'b' },
    { maxRecords: 0 },
    { maxBytes: 1.5 },
  ]) {
    assert.throws(() => consumerOf(cluster, options), { code: 'CONFIG_INVALID' })
  }
})

test('batch by batch: the cursor stands behind what was taken, and a loss in between loses nothing', async () => {
  const requests: number[] = []
  const serve =
    (upTo: number, then: (call: FakeCall) => void): Handler =>
    (call) => {
      call.onMessage = (bytes) => {
        const at = positionIn(read(ConsumeStreamRequestSchema, bytes))
        requests.push(at)
        for (let n = at; n < upTo; n += 2) deliver(call, n, n + 2)
        then(call)
      }
    }
  const cluster = fakeCluster({
    [first]: { ConsumeStream: serve(4, () => cluster.cut(first)) },
    [second]: { ConsumeStream: serve(8, (call) => call.finish()) },
  })
  const consumer = consumerOf(cluster, { maxRecords: 8 })
  const offsets: number[] = []
  const cursors: string[] = []
  for await (const batch of consumer.batches()) {
    cursors.push(new TextDecoder().decode(consumer.cursor))
    assert.equal(batch.count, 2)
    for (const { offset, value } of batch) {
      offsets.push(offset)
      assert.deepEqual([...value], [offset])
    }
  }
  assert.deepEqual(offsets, [0, 1, 2, 3, 4, 5, 6, 7])
  assert.deepEqual(cursors, ['', '2', '4', '6'])
  assert.equal(new TextDecoder().decode(consumer.cursor), '8')
  assert.deepEqual(requests, [0, 4])
})

test('asks that do not wait for each other are answered in their order, and after the end with the end', async () => {
  const handler: Handler = (call) => {
    call.onMessage = () => {
      deliver(call, 0, 3)
      call.finish()
    }
  }
  const records = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }))[Symbol.asyncIterator]()
  const results = await Promise.all(Array.from({ length: 5 }, () => records.next()))
  assert.deepEqual(
    results.map(({ value }) => value?.offset),
    [0, 1, 2, undefined, undefined],
  )
  assert.deepEqual(await records.next(), { done: true, value: undefined })
})

test('what follows a record that is malformed is not given', async () => {
  const handler: Handler = (call) => {
    call.onMessage = () => {
      const good = Uint8Array.of(0x0a, 3, 0x12, 1, 5)
      const bad = Uint8Array.of(0x0a, 3, 0x12, 9, 5)
      const batch = Uint8Array.of(0x0a, 1, 97, 0x12, 16, ...epochBytes(3), 0x2a, 15, ...good, ...bad, ...good)
      call.sendBytes(Uint8Array.of(0x0a, batch.length, ...batch))
    }
  }
  const consumer = consumerOf(fakeCluster({ [first]: { ConsumeStream: handler } }))
  const seen: number[] = []
  await assert.rejects(
    async () => {
      for await (const { value } of consumer) seen.push(...value)
    },
    { code: 'INTERNAL' },
  )
  assert.deepEqual(seen, [5])
  assert.deepEqual(await consumer[Symbol.asyncIterator]().next(), { done: true, value: undefined })
})
