import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ReeveError } from '../../src/errors.ts'
import { ProduceRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { claimOf, parseProduceRequest } from '../../src/server/produce-request.ts'
import { batchOf } from './memory-journal.ts'

const refused = (bytes: Uint8Array) =>
  assert.throws(
    () => parseProduceRequest(bytes),
    (error) => error instanceof ReeveError && error.code === 'REQUEST_MALFORMED',
  )

const field = (number: number, wire: number) => (number << 3) | wire

test('finds every field as protobuf-es does', () => {
  const record = fc.record({
    key: fc.uint8Array({ maxLength: 20 }),
    value: fc.uint8Array({ maxLength: 300 }),
    timestampMs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  })
  const request = fc.record({
    topic: fc.string({ unit: 'grapheme', maxLength: 200 }),
    batch: fc.option(fc.record({ records: fc.array(record, { maxLength: 5 }) }), { nil: undefined }),
    copies: fc.nat({ max: 2 ** 32 - 1 }),
    producerId: fc.uint8Array({ maxLength: 20 }),
    sequence: fc.oneof(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.nat({ max: 300 })),
    producerSkips: fc.boolean(),
  })
  fc.assert(
    fc.property(request, ({ batch, sequence, ...rest }) => {
      const producerSequence = BigInt(sequence)
      const message = create(ProduceRequestSchema, { ...rest, producerSequence, ...(batch && { batch }) })
      const parsed = parseProduceRequest(toBinary(ProduceRequestSchema, message))
      assert.equal(parsed.topic, rest.topic)
      assert.equal(parsed.copies, rest.copies)
      assert.deepEqual(Buffer.from(parsed.producerId), Buffer.from(rest.producerId))
      assert.equal(parsed.producerSequence, sequence)
      assert.equal(parsed.producerSkips, rest.producerSkips)
      assert.deepEqual(
        Buffer.from(parsed.batch),
        Buffer.from(message.batch ? toBinary(RecordBatchSchema, message.batch) : []),
      )
    }),
  )
})

test('merges, overrides and skips as protobuf-es does, field by field in any order', () => {
  const chunk = fc.oneof(
    fc.string({ maxLength: 10 }).map((text) => [field(1, 2), Buffer.byteLength(text), ...Buffer.from(text)]),
    fc.string({ maxLength: 10 }).map((text) => {
      const batch = batchOf(text)
      return [field(2, 2), batch.length, ...batch]
    }),
    fc.nat({ max: 127 }).map((copies) => [field(3, 0), copies]),
    fc.uint8Array({ maxLength: 20 }).map((id) => [field(4, 2), id.length, ...id]),
    fc
      .constantFrom([5], [0xff, 0x01], [0x80, 0x80, 0x00], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])
      .map((sequence) => [field(5, 0), ...sequence]),
    fc.constantFrom([0], [1], [0x80, 0x80, 0x01], [0x80, 0x00]).map((skips) => [field(6, 0), ...skips]),
    fc.constant([field(10, 0), 0xff, 0xff, 0x01]),
    fc.constant([field(11, 1), 1, 2, 3, 4, 5, 6, 7, 8]),
    fc.constant([field(12, 5), 1, 2, 3, 4]),
    fc.constant([field(7, 2), 3, 1, 2, 3]),
    fc.constant([field(8, 3), field(9, 0), 1, field(9, 3), field(9, 4), field(8, 4)]),
  )
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 12 }), (chunks) => {
      const bytes = Uint8Array.from(chunks.flat())
      const expected = fromBinary(ProduceRequestSchema, bytes)
      const parsed = parseProduceRequest(bytes)
      assert.equal(parsed.topic, expected.topic)
      assert.equal(parsed.copies, expected.copies)
      assert.deepEqual(Buffer.from(parsed.producerId), Buffer.from(expected.producerId))
      assert.equal(BigInt(parsed.producerSequence), expected.producerSequence)
      assert.equal(parsed.producerSkips, expected.producerSkips)
      assert.deepEqual(fromBinary(RecordBatchSchema, parsed.batch).records, expected.batch?.records ?? [])
    }),
  )
})

test('any bytes are a request or a typed refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        parseProduceRequest(bytes)
      } catch (error) {
        assert.ok(error instanceof ReeveError && error.code === 'REQUEST_MALFORMED', String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('a message cut anywhere within a field is refused', () => {
  const whole = toBinary(ProduceRequestSchema, create(ProduceRequestSchema, { topic: 'orders', copies: 300 }))
  // After `topic` the rest may be missing: that is a shorter, whole message.
  const boundaries = new Set([0, 8, whole.length])
  for (let length = 0; length < whole.length; length++) {
    if (!boundaries.has(length)) refused(whole.subarray(0, length))
  }
})

test('the batch is a view into the message, not a copy', () => {
  const bytes = toBinary(ProduceRequestSchema, create(ProduceRequestSchema, { topic: 't', batch: { records: [{}] } }))
  assert.equal(parseProduceRequest(bytes).batch.buffer, bytes.buffer)
})

test('a known field of another wire type is skipped as an unknown one', () => {
  const parsed = parseProduceRequest(
    Uint8Array.from([
      field(1, 0),
      5,
      field(2, 5),
      1,
      2,
      3,
      4,
      field(3, 2),
      1,
      9,
      field(4, 0),
      1,
      field(5, 2),
      0,
      field(6, 5),
      1,
      2,
      3,
      4,
    ]),
  )
  const { batch, ...others } = parsed
  assert.equal(batch.length, 0)
  const producerId = new Uint8Array(0)
  assert.deepEqual(others, { topic: '', copies: 0, producerId, producerSequence: 0, producerSkips: false })
})

test('who produced a batch is said in full or not at all', () => {
  const claim = (init: MessageInitShape<typeof ProduceRequestSchema>) =>
    claimOf(parseProduceRequest(toBinary(ProduceRequestSchema, create(ProduceRequestSchema, init))), 10)
  const id = new Uint8Array(16).fill(7)
  const most = 2 ** 53 - 11
  assert.equal(claim({ topic: 't' }), undefined)
  assert.deepEqual(claim({ producerId: id }), { id, sequence: 0, skips: false })
  assert.deepEqual(claim({ producerId: id, producerSequence: BigInt(most), producerSkips: true }), {
    ...{ id, sequence: most, skips: true },
  })
  const bad: MessageInitShape<typeof ProduceRequestSchema>[] = [
    { producerSequence: 1n },
    { producerSkips: true },
    { producerId: id.subarray(1) },
    { producerId: new Uint8Array(17).fill(7) },
    { producerId: new Uint8Array(16) },
    { producerId: id, producerSequence: BigInt(most + 1) },
    { producerId: id, producerSequence: 2n ** 53n },
    { producerId: id, producerSequence: 2n ** 64n - 1n },
  ]
  for (const init of bad) {
    assert.throws(
      () => claim(init),
      (error) => error instanceof ReeveError && error.code === 'REQUEST_MALFORMED',
    )
  }
})

test('refuses what is no protobuf', () => {
  refused(Uint8Array.from([0, 1])) // field number 0
  refused(Uint8Array.from([field(4, 6)])) // wire types 6 and 7 do not exist
  refused(Uint8Array.from([field(4, 7)]))
  refused(Uint8Array.from([field(4, 4)])) // the end of a group that did not begin
  refused(Uint8Array.from([field(4, 3), field(5, 4)])) // the end of another group
  refused(Uint8Array.from([field(4, 3)])) // a group that does not end
  refused(Uint8Array.from([field(1, 2), 2, 0xff, 0xfe])) // not UTF-8
  refused(Uint8Array.from([field(2, 2), 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])) // a length of six bytes
  refused(Uint8Array.from([field(2, 2), 0x82, 0x80, 0x80, 0x80, 0x80, 0x01, 1, 2])) // 2 + 2^35, never 2
  refused(Uint8Array.from([field(3, 0), ...new Array(10).fill(0x80), 0])) // eleven bytes of a number
  refused(Uint8Array.from([field(2, 2), 0xff, 0xff, 0xff, 0x7f])) // reaches far over the end
  refused(new Uint8Array(1000).fill(field(4, 3))) // groups in groups in groups
})
