import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { AnswerReader } from '../../src/client/answer.ts'
import type { ConsumedRecord } from '../../src/client/record.ts'
import { ReeveError } from '../../src/errors.ts'
import { ConsumeStreamResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { epochBytes, epochOf } from './fake-cluster.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

const anyRecord = fc.record({
  key: bytes(20),
  value: fc.oneof(
    bytes(200),
    fc.nat({ max: 40_000 }).map((size) => new Uint8Array(size)),
  ),
  headers: fc.array(fc.record({ name: fc.string({ unit: 'grapheme' }), value: bytes(10) }), { maxLength: 2 }),
  timestampMs: fc.oneof(fc.constant(0n), fc.constant(1_760_000_000_000n), fc.bigInt({ min: 0n, max: 2n ** 53n })),
})

const anyBatch = fc.record({
  node: fc.constantFrom('a', 'node-2'),
  run: fc.constantFrom(1, 2),
  baseOffset: fc.bigInt({ min: 0n, max: 2n ** 50n }),
  timestamp: u64,
  records: fc.array(anyRecord, { minLength: 1, maxLength: 6 }),
  gaps: fc.option(fc.array(fc.nat({ max: 1000 }), { minLength: 5, maxLength: 5 })),
})

const plain = ({ topic, origin, epoch, offset, timestampMs, producedMs, key, value, headers }: ConsumedRecord) => ({
  ...{ topic, origin, epoch, offset, timestampMs, producedMs },
  ...{ key: [...key], value: [...value], headers: headers.map(([name, content]) => [name, [...content]]) },
})

test('an answer read by hand is what protobuf-es wrote', () => {
  fc.assert(
    fc.property(fc.array(anyBatch, { maxLength: 3 }), bytes(50), fc.boolean(), (batches, cursor, atEnd) => {
      const offsetsOf = (gaps: number[] | null) => {
        let at = 0
        return gaps ? [0, ...gaps.map((gap) => (at += gap + 1))] : []
      }
      const message = create(ConsumeStreamResponseSchema, {
        batches: batches.map(({ node, run, baseOffset, timestamp, records, gaps }) => ({
          origin: node,
          epoch: epochBytes(run),
          baseOffset,
          timestamp,
          batch: { records },
          producerId: new Uint8Array(16).fill(7),
          producerSequence: 300n,
          offsetDeltas: offsetsOf(gaps).slice(0, gaps ? records.length : 0),
        })),
        cursor,
        atEnd,
      })
      const answer = new AnswerReader('t').read(toBinary(ConsumeStreamResponseSchema, message))
      assert.deepEqual([...answer.cursor], [...cursor])
      assert.equal(answer.batches.length, batches.length)
      for (const [index, { node, run, baseOffset, timestamp, records, gaps }] of batches.entries()) {
        const batch = answer.batches[index]!
        assert.deepEqual([batch.count, batch.baseOffset], [records.length, Number(baseOffset)])
        assert.deepEqual(
          [...batch].map(plain),
          records.map(({ key, value, headers, timestampMs }, at) => ({
            topic: 't',
            origin: node,
            epoch: epochOf(run),
            offset: Number(baseOffset) + (gaps ? offsetsOf(gaps)[at]! : at),
            timestampMs: Number(timestamp >> 16n),
            producedMs: timestampMs === 0n ? undefined : Number(timestampMs),
            key: [...key],
            value: [...value],
            headers: headers.map(({ name, value: content }) => [name, [...content]]),
          })),
        )
      }
    }),
  )
})

/** Reads everything there is to read. */
function readAll(input: Uint8Array): void {
  for (const batch of new AnswerReader('t').read(input).batches) {
    assert.equal([...batch].map(plain).length, batch.count)
  }
}

test('whatever a server sends, what is not an answer is a typed error', () => {
  const good = toBinary(
    ConsumeStreamResponseSchema,
    create(ConsumeStreamResponseSchema, {
      batches: [
        {
          ...{ origin: 'a', epoch: epochBytes(1), baseOffset: 7n, timestamp: 9n, offsetDeltas: [0, 4] },
          batch: { records: [{ value: new Uint8Array(9) }, { headers: [{ name: 'h' }], timestampMs: 5n }] },
        },
      ],
      cursor: new Uint8Array(3),
    }),
  )
  readAll(good)
  let refused = 0
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .array(fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 })
      .map((changes) => {
        const copy = good.slice()
        for (const [at, byte] of changes) copy[at] = byte
        return copy
      }),
    fc.nat({ max: good.length }).map((length) => good.slice(0, length)),
  )
  fc.assert(
    fc.property(damaged, (input) => {
      try {
        readAll(input)
      } catch (error) {
        assert.ok(error instanceof ReeveError && error.code === 'INTERNAL', String(error))
        refused++
      }
    }),
    { numRuns: 3000 },
  )
  assert.ok(refused > 500, `${refused} were refused`)
})

test('a record shows what it holds, in a console and as JSON', () => {
  const records = [{ key: Uint8Array.of(1), value: Uint8Array.of(2) }]
  const message = { batches: [{ origin: 'a', epoch: epochBytes(1), baseOffset: 7n, batch: { records } }] }
  const input = toBinary(ConsumeStreamResponseSchema, create(ConsumeStreamResponseSchema, message))
  const [record] = new AnswerReader('t').read(input).batches[0]!
  assert.match(inspect(record), /origin: 'a'.*offset: 7/s)
  assert.equal(JSON.parse(JSON.stringify(record)).offset, 7)
})
