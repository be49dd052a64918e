import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import {
  ConsumeResponseSchema,
  ConsumeStreamResponseSchema,
  Durability,
  ProduceResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { LogIdSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { deliveryOrigin, encodeDelivery } from '../../src/server/delivery.ts'
import { encodeLogId, encodeProduceResponse } from '../../src/server/produce-response.ts'
import { bigVarintSize, varintSize, writeBigVarint, writeVarint } from '../../src/wire.ts'
import { batchOf, epochA, epochB } from './memory-journal.ts'

const offset = fc.oneof(
  fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(1, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 35, 2 ** 42, Number.MAX_SAFE_INTEGER),
)
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

test('numbers take exactly the bytes they were said to take', () => {
  fc.assert(
    fc.property(offset, u64, (number, big) => {
      assert.equal(writeVarint(new Uint8Array(10), 0, number), varintSize(number))
      assert.equal(writeBigVarint(new Uint8Array(10), 0, big), bigVarintSize(big))
    }),
  )
  for (let bit = 0n; bit < 64n; bit++) {
    for (const big of [(1n << bit) - 1n, 1n << bit]) {
      assert.equal(writeBigVarint(new Uint8Array(10), 0, big), bigVarintSize(big))
    }
  }
})

test('protobuf-es reads a produce response as it was meant', () => {
  const shape = fc.record({
    baseOffset: offset,
    recordCount: fc.nat({ max: 2 ** 32 - 1 }),
    copies: fc.nat({ max: 1000 }),
    timestamp: u64,
    durability: fc.constantFrom('fsync' as const, 'os' as const),
    duplicate: fc.boolean(),
  })
  fc.assert(
    fc.property(shape, ({ copies, durability, ...numbers }) => {
      const log = { topic: 'orders.eu', origin: 'node-1', epoch: epochA }
      const appended = { log, endOffset: 0, ...numbers }
      const read = fromBinary(
        ProduceResponseSchema,
        encodeProduceResponse(encodeLogId(log), appended, copies, durability),
      )
      assert.deepEqual(
        read,
        create(ProduceResponseSchema, {
          log: create(LogIdSchema, { ...log, epoch: epochToBytes(epochA) }),
          baseOffset: BigInt(numbers.baseOffset),
          recordCount: numbers.recordCount,
          copies,
          timestamp: numbers.timestamp,
          duplicate: numbers.duplicate,
          durability: durability === 'fsync' ? Durability.FSYNC : Durability.OS,
        }),
      )
    }),
  )
})

test('protobuf-es reads a delivery as it was meant, in both of its message types', () => {
  const run = fc.record({
    node: fc.constantFrom('a', 'node-with-a-longer-name'),
    epoch: fc.constantFrom(epochA, epochB),
    baseOffset: offset,
    timestamp: u64,
    values: fc.array(fc.string({ maxLength: 200 }), { maxLength: 4 }),
    producer: fc.option(fc.record({ id: fc.uint8Array({ minLength: 16, maxLength: 16 }), sequence: offset }), {
      nil: undefined,
    }),
  })
  fc.assert(
    fc.property(fc.array(run, { maxLength: 5 }), fc.uint8Array(), fc.boolean(), (runs, cursor, atEnd) => {
      const bytes = encodeDelivery(
        runs.map(({ node, epoch, baseOffset, timestamp, values, producer }) => ({
          from: deliveryOrigin(node, epoch),
          baseOffset,
          timestamp,
          batch: batchOf(...values),
          recordCount: values.length,
          producer,
        })),
        cursor,
        atEnd,
      )
      const expected = {
        batches: runs.map(({ node, epoch, baseOffset, timestamp, values, producer }) => ({
          origin: node,
          epoch: epochToBytes(epoch),
          baseOffset: BigInt(baseOffset),
          timestamp,
          batch: { records: values.map((value) => ({ value: new TextEncoder().encode(value) })) },
          ...(producer && { producerId: producer.id, producerSequence: BigInt(producer.sequence) }),
          ...(producer && { recordCount: values.length }),
        })),
        cursor,
        atEnd,
      }
      for (const schema of [ConsumeResponseSchema, ConsumeStreamResponseSchema]) {
        const read = fromBinary(schema, bytes)
        assert.deepEqual(toBinary(schema, read), toBinary(schema, create(schema, expected)))
      }
    }),
  )
})
