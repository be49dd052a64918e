import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConsumerOptions } from '../../src/client/consumer.ts'
import type { ConsumedRecord } from '../../src/client/record.ts'
import { ReeveError } from '../../src/errors.ts'
import {
  type ConsumeStreamRequest,
  ConsumeStreamRequestSchema,
  ConsumeStreamResponseSchema,
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
  assert.deepEqual(records[0], {
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
