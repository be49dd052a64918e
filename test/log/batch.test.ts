import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ReeveError } from '../../src/errors.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { checkBatch } from '../../src/log/batch.ts'
import { batchOf, hasCode } from './scenery.ts'

const limits = { maxBytes: 10_000, maxRecords: 100, maxRecordBytes: 2000 }

const anyRecord = fc.record({
  key: fc.uint8Array({ maxLength: 20 }),
  value: fc.uint8Array({ maxLength: 200 }),
  headers: fc.array(fc.record({ name: fc.string({ maxLength: 10 }), value: fc.uint8Array({ maxLength: 10 }) }), {
    maxLength: 3,
  }),
  timestampMs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
})
const anyBatch = fc
  .array(anyRecord, { minLength: 1, maxLength: 20 })
  .map((records) => toBinary(RecordBatchSchema, create(RecordBatchSchema, { records })))

const recordOf = (...bytes: number[]) => Uint8Array.of(0x0a, bytes.length, ...bytes)

describe('checking a batch', () => {
  test('counts the records of any batch a client can encode', () => {
    fc.assert(
      fc.property(anyBatch, (bytes) => {
        assert.equal(checkBatch(bytes, limits), fromBinary(RecordBatchSchema, bytes).records.length)
      }),
    )
  })

  test('any bytes get a verdict, and what is accepted every decoder can read', () => {
    const spoilt = fc.tuple(anyBatch, fc.nat(), fc.nat({ max: 255 })).map(([bytes, at, to]) => {
      bytes[at % bytes.length] = to
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), spoilt), (bytes) => {
        let count: number
        try {
          count = checkBatch(bytes, limits)
        } catch (error) {
          assert.ok(error instanceof ReeveError && error.code.startsWith('BATCH_'))
          return
        }
        assert.equal(fromBinary(RecordBatchSchema, bytes).records.length, count)
      }),
      { numRuns: 2000 },
    )
  })

  test('fields that a newer client may add are accepted and kept', () => {
    const unknown = recordOf(0x28, 0x96, 0x01, 0x31, 1, 2, 3, 4, 5, 6, 7, 8, 0x3a, 2, 9, 9, 0x45, 1, 2, 3, 4)
    assert.equal(checkBatch(unknown, limits), 1)
  })

  test('a batch that was cut off anywhere is refused, or is one of fewer records', () => {
    const sizes = [0, 1, 127, 128, 129, 300, 1900]
    const records = sizes.map((size) => ({ key: new Uint8Array(size % 200).fill(1), value: new Uint8Array(size) }))
    const whole = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
    const ends = sizes.map((_, n) =>
      toBinary(RecordBatchSchema, create(RecordBatchSchema, { records: records.slice(0, n + 1) })),
    )
    for (let length = 1; length < whole.length; length++) {
      const complete = ends.findIndex((bytes) => bytes.length === length)
      if (complete >= 0) assert.equal(checkBatch(whole.subarray(0, length), limits), complete + 1)
      else assert.throws(() => checkBatch(whole.subarray(0, length), limits), hasCode('BATCH_MALFORMED'), `${length}`)
    }
    // The length of the last field lies within its record, or not.
    for (const bytes of [recordOf(0x12), recordOf(0x12, 0x80), recordOf(0x12, 0x80, 0x01), recordOf(0x0a, 0x01)]) {
      assert.throws(() => checkBatch(bytes, limits), hasCode('BATCH_MALFORMED'))
      assert.throws(() => checkBatch(Uint8Array.of(...bytes, ...recordOf()), limits), hasCode('BATCH_MALFORMED'))
    }
  })

  test('an empty record is a record', () => {
    assert.equal(checkBatch(recordOf(), limits), 1)
  })

  for (const [what, bytes] of [
    ['another field at the top', Uint8Array.of(0x12, 0)],
    ['a record that is not length-delimited', Uint8Array.of(0x08, 1)],
    ['a tag without anything behind it', Uint8Array.of(0x0a)],
    ['a record longer than the batch', Uint8Array.of(0x0a, 5, 0x12, 1)],
    ['a length that does not end', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['a length over 32 bits', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x1f)],
    ['field number 0', recordOf(0x02, 0)],
    ['a value that is a number', recordOf(0x10, 1)],
    ['a timestamp that is bytes', recordOf(0x22, 1, 1)],
    ['a field cut short', recordOf(0x12, 5, 1)],
    ['a field that reaches into the next record', Uint8Array.of(0x0a, 2, 0x12, 2, 0x0a, 0)],
    ['eight bytes of which four are there', recordOf(0x29, 1, 2, 3, 4)],
    ['a number without end', recordOf(0x20, ...new Array<number>(11).fill(0xff))],
    ['a group', recordOf(0x2b, 0x2c)],
    ['wire type 7', recordOf(0x2f)],
    ['a header name that is not UTF-8', recordOf(0x1a, 4, 0x0a, 2, 0xc3, 0x28)],
    ['a header that is no message', recordOf(0x1a, 2, 0x0a, 9)],
  ] as const) {
    test(`${what} is malformed`, () => {
      assert.throws(() => checkBatch(bytes, limits), hasCode('BATCH_MALFORMED'))
    })
  }

  test('no records, too many, too large', () => {
    assert.throws(() => checkBatch(new Uint8Array(0), limits), hasCode('BATCH_EMPTY'))
    const three = batchOf('a', 'b', 'c')
    assert.equal(checkBatch(three, { ...limits, maxRecords: 3 }), 3)
    assert.throws(() => checkBatch(three, { ...limits, maxRecords: 2 }), hasCode('BATCH_TOO_LARGE'))
    assert.equal(checkBatch(three, { ...limits, maxBytes: three.length }), 3)
    assert.throws(() => checkBatch(three, { ...limits, maxBytes: three.length - 1 }), hasCode('BATCH_TOO_LARGE'))
    assert.equal(checkBatch(three, { ...limits, maxRecordBytes: 3 }), 3)
    assert.throws(() => checkBatch(three, { ...limits, maxRecordBytes: 2 }), hasCode('BATCH_TOO_LARGE'))
  })
})
