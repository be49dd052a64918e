import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { checkBatch } from '../../src/log/batch.ts'
import { KeyFilter } from '../../src/log/key-filter.ts'
import { select } from '../../src/log/select.ts'

/** Of two letters, so that keys and prefixes meet. */
const key = fc.array(fc.constantFrom(97, 98), { maxLength: 4 }).map((bytes) => Uint8Array.from(bytes))
const keysAndPrefixes = fc.record({ keys: fc.array(key, { maxLength: 6 }), prefixes: fc.array(key, { maxLength: 3 }) })

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const wants = ({ keys, prefixes }: { keys: Uint8Array[]; prefixes: Uint8Array[] }, of: Uint8Array) =>
  keys.some((each) => text(each) === text(of)) || prefixes.some((each) => text(of).startsWith(text(each)))

test('a filter accepts the keys it names and those that begin with its prefixes, and no others', () => {
  fc.assert(
    fc.property(keysAndPrefixes, fc.array(key), (entries, all) => {
      const filter = new KeyFilter(entries.keys, entries.prefixes)
      for (const each of all) {
        const within = Buffer.concat([Buffer.from('a'), each, Buffer.from('b')])
        assert.equal(filter.accepts(within, 1, within.length - 1), wants(entries, each), text(each))
      }
    }),
    { numRuns: 1000 },
  )
})

const records = fc.array(fc.record({ key, value: fc.uint8Array({ maxLength: 200 }) }), { minLength: 1, maxLength: 20 })
const limit = fc.oneof(fc.nat({ max: 25 }), fc.constant(Number.MAX_SAFE_INTEGER))

test('a selection is what decoding, filtering and cutting would give', () => {
  fc.assert(
    fc.property(
      records,
      fc.nat({ max: 19 }),
      limit,
      fc.oneof(fc.nat({ max: 1000 }), fc.constant(Number.MAX_SAFE_INTEGER)),
      fc.option(keysAndPrefixes),
      (all, from, maxRecords, maxBytes, entries) => {
        const skip = Math.min(from, all.length - 1)
        const bytes = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records: all }))
        const filter = entries ? new KeyFilter(entries.keys, entries.prefixes) : undefined
        const selection = select(bytes, all.length, skip, { maxRecords, maxBytes, filter })

        const size = (index: number) =>
          toBinary(RecordBatchSchema, create(RecordBatchSchema, { records: [all[index]!] })).length
        const expected: number[] = []
        let room = maxBytes
        let next = skip
        for (; next < all.length && expected.length < maxRecords; next++) {
          if (entries && !wants(entries, all[next]!.key)) continue
          room -= size(next)
          if (room < 0 && expected.length > 0) break
          expected.push(next)
        }
        const found = fromBinary(RecordBatchSchema, selection.batch).records
        assert.deepEqual(
          found.map(({ key: k, value }) => [text(k), text(value)]),
          expected.map((index) => [text(all[index]!.key), text(all[index]!.value)]),
        )
        assert.equal(selection.records, expected.length)
        assert.equal(selection.next, next)
        const offsets = found.map((_, index) => selection.first + (selection.deltas?.[index] ?? index))
        assert.deepEqual(offsets, expected)
        const inOneRow = expected.every((index, at) => index === expected[0]! + at)
        assert.equal(selection.deltas === undefined, inOneRow)
        if (inOneRow && found.length > 0) assert.ok(selection.batch.buffer === bytes.buffer, 'copied without need')
      },
    ),
    { numRuns: 2000 },
  )
})

test('a key that comes twice in a record counts as every decoder reads it: the last one', () => {
  const record = Uint8Array.of(0x0a, 1, 97, 0x12, 1, 9, 0x0a, 1, 98)
  const batch = Uint8Array.of(0x0a, record.length, ...record)
  assert.equal(checkBatch(batch, { maxBytes: 100, maxRecords: 1, maxRecordBytes: 100 }), 1)
  assert.equal(text(fromBinary(RecordBatchSchema, batch).records[0]!.key), 'b')
  const found = (...keys: string[]) => {
    const filter = new KeyFilter(
      keys.map((each) => Buffer.from(each)),
      [],
    )
    return select(batch, 1, 0, { maxRecords: 1, maxBytes: 100, filter }).records
  }
  assert.deepEqual([found('a'), found('b'), found('')], [0, 1, 0])
})

test('fields that a newer client may add, tags and lengths written long: all are passed over', () => {
  const fields = [0x28, 0x96, 0x01, 0x31, 1, 2, 3, 4, 5, 6, 7, 8, 0x3a, 2, 9, 9, 0x45, 1, 2, 3, 4]
  const record = [...fields, 0x8a, 0x00, 0x81, 0x00, 97]
  const batch = Uint8Array.of(0x0a, 0x80 | record.length, 0x00, ...record)
  assert.equal(checkBatch(batch, { maxBytes: 100, maxRecords: 1, maxRecordBytes: 100 }), 1)
  const filter = new KeyFilter([Buffer.from('a')], [])
  assert.deepEqual(select(batch, 1, 0, { maxRecords: 1, maxBytes: 100, filter }).batch, batch)
})
