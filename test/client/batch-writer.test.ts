import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { BatchWriter } from '../../src/client/batch-writer.ts'
import type { Bytes, OutgoingRecord } from '../../src/client/record.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { checkBatch } from '../../src/log/batch.ts'

const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('\ud800', 'a'.repeat(127), 'a'.repeat(128), 'ä'.repeat(63), 'ä'.repeat(64), '漢'.repeat(6000)),
)
const data: fc.Arbitrary<Bytes> = fc.oneof(text, fc.uint8Array({ maxLength: 200 }))
const record: fc.Arbitrary<OutgoingRecord> = fc.record(
  { key: data, value: data, headers: fc.array(fc.tuple(text, data), { maxLength: 3 }) },
  { requiredKeys: ['value'] },
)
const bytesOf = (some: Bytes = '') => (typeof some === 'string' ? new TextEncoder().encode(some) : some)

test('writes what protobuf-es writes, byte for byte, for any records, and keeps the room in front free', () => {
  const timed = fc.tuple(record, fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 45 })))
  fc.assert(
    fc.property(fc.array(timed, { minLength: 1, maxLength: 12 }), fc.nat({ max: 300 }), (records, headBytes) => {
      const writer = new BatchWriter(headBytes, 16)
      for (const [each, producedMs] of records) writer.add(each, producedMs)
      const expected = toBinary(
        RecordBatchSchema,
        create(RecordBatchSchema, {
          records: records.map(([{ key, value, headers }, producedMs]) => ({
            key: bytesOf(key),
            value: bytesOf(value),
            headers: [...(headers ?? [])].map(([name, some]) => ({
              name: new TextDecoder().decode(new TextEncoder().encode(name)),
              value: bytesOf(some),
            })),
            timestampMs: BigInt(producedMs),
          })),
        }),
      )
      assert.deepEqual(Buffer.from(writer.batch), Buffer.from(expected))
      assert.ok(writer.withHead.subarray(0, headBytes).every((byte) => byte === 0))
      const limits = { maxBytes: 2 ** 30, maxRecords: 100, maxRecordBytes: 2 ** 30 }
      assert.equal(checkBatch(writer.batch, limits), records.length)
    }),
  )
})

test('the last record can be moved to another batch', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 2, maxLength: 5 }), (records) => {
      const [from, to] = [new BatchWriter(9, 1), new BatchWriter(3, 1)]
      for (const each of records) from.add(each, 5)
      const whole = fromBinary(RecordBatchSchema, from.batch).records
      to.append(from.takeLast())
      assert.deepEqual([from.count, to.count], [records.length - 1, 1])
      assert.deepEqual(
        [from, to].flatMap(({ batch }) => fromBinary(RecordBatchSchema, batch).records),
        whole,
      )
    }),
  )
})

test('headers may be anything that can be walked through once', () => {
  const writer = new BatchWriter(0, 1)
  writer.add({ value: 'v', headers: new Map([['a', 'b']]).entries() }, 0)
  assert.equal(fromBinary(RecordBatchSchema, writer.batch).records[0]?.headers[0]?.name, 'a')
})
