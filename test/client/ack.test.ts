import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { AckReader } from '../../src/client/ack.ts'
import { ReeveError } from '../../src/errors.ts'
import { Durability, ProduceStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochBytes, epochOf } from './fake-cluster.ts'

const offset = fc.oneof(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.nat({ max: 300 }))
const anyAck = fc.record({
  origin: fc.constantFrom('a', 'b', 'node-é'),
  epoch: fc.integer({ min: 1, max: 3 }),
  baseOffset: offset,
  recordCount: fc.nat({ max: 2 ** 32 - 1 }),
})

function encoded({ origin, epoch, baseOffset, recordCount }: typeof anyAck extends fc.Arbitrary<infer T> ? T : never) {
  const log = { topic: 'orders', origin, epoch: epochBytes(epoch) }
  const rest = { copies: 3, durability: Durability.FSYNC, timestamp: 2n ** 60n, duplicate: true }
  return toBinary(
    ProduceStreamResponseSchema,
    create(ProduceStreamResponseSchema, { log, baseOffset: BigInt(baseOffset), recordCount, ...rest }),
  )
}

test('answers are read as they were meant, whatever log the one before named', () => {
  fc.assert(
    fc.property(fc.array(anyAck, { maxLength: 8 }), (acks) => {
      const reader = new AckReader()
      for (const ack of acks) {
        const { origin, epoch, baseOffset, recordCount } = ack
        const place = { origin, epoch: epochOf(epoch), baseOffset }
        assert.deepEqual(reader.read(encoded(ack)), { place, recordCount })
      }
    }),
  )
})

test('any other bytes are an answer or a typed error', () => {
  const whole = encoded({ origin: 'a', epoch: 1, baseOffset: 300, recordCount: 7 })
  const spoilt = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
    const bytes = whole.slice()
    bytes[at] = byte
    return bytes
  })
  const cut = fc.nat({ max: whole.length }).map((length) => whole.subarray(0, length))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), spoilt, cut), (bytes) => {
      try {
        new AckReader().read(bytes)
      } catch (error) {
        assert.ok(error instanceof ReeveError && error.code === 'INTERNAL', String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
