import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { xxh32 } from '@node-rs/xxhash'
import { ConsumeResponseSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { checksum } from '../../src/simulation/checksum.ts'
import { SeededRandom } from '../../src/simulation/random.ts'
import { recordSum, recordSums } from '../../src/simulation/universe/record-sums.ts'
import { WireFields } from '../../src/simulation/universe/wire-fields.ts'
import { readAnswer } from '../../src/simulation/workload/read-answer.ts'
import { bytesOf } from './calm.ts'

const epoch = '018f0000-0000-7000-8000-000000000001'
const epochBytes = new Uint8Array(Buffer.from(epoch.replaceAll('-', ''), 'hex'))
const records = [
  { key: bytesOf('key'), value: bytesOf('value') },
  { value: bytesOf('no key'), headers: [{ name: 'h', value: bytesOf('v') }], timestampMs: 2n ** 60n },
  { value: new Uint8Array(3000).fill(7) },
  {},
]

test('records have the same sum in a batch, in an answer and by themselves', () => {
  const sums = records.map(({ key = new Uint8Array(0), value = new Uint8Array(0) }) => recordSum(key, value))
  assert.equal(new Set(sums).size, records.length)
  assert.deepEqual(recordSums(toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))), sums)
  const timestamp = (1_704_067_200_000n << 16n) + 3n
  const batch = { origin: 'höst', epoch: epochBytes, baseOffset: 12_345n, timestamp, batch: { records } }
  const message = create(ConsumeResponseSchema, { batches: [batch], cursor: bytesOf('here'), atEnd: true })
  const { runs, cursor, atEnd } = readAnswer('orders', toBinary(ConsumeResponseSchema, message))
  assert.deepEqual(runs, [{ log: `orders/höst/${epoch}`, from: 12_345, sums, timestamp }])
  assert.deepEqual([Buffer.from(cursor).toString(), atEnd], ['here', true])
  assert.deepEqual(readAnswer('orders', new Uint8Array(0)), { runs: [], atEnd: false, cursor: new Uint8Array(0) })
})

test('a message that breaks off anywhere, or is none, is said to be broken', () => {
  const whole = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records: records.slice(0, 1) }))
  for (let bytes = 1; bytes < whole.length; bytes++) {
    assert.equal(recordSums(whole.subarray(0, bytes)), undefined, `${bytes} of ${whole.length} bytes`)
  }
  const random = new SeededRandom(1, 'noise')
  for (let round = 0; round < 2000; round++) {
    const fields = new WireFields(random.bytes(random.integer(0, 30)))
    while (fields.next()) assert.ok(fields.to >= fields.from)
  }
  assert.throws(() => readAnswer('orders', Uint8Array.of(10, 5, 1)), /breaks off/)
})

test('a checksum is of the bytes alone, wherever they lie, and of each of them', () => {
  const bytes = new SeededRandom(2, 'bytes').bytes(300)
  for (const length of [0, 1, 2, 3, 4, 5, 63, 255, 256, 300]) {
    const sum = checksum(bytes.slice(0, length), 9)
    assert.equal(checksum(new Uint8Array([1, 2, 3, ...bytes.subarray(0, length), 4]), 9, 3, 3 + length), sum)
    assert.notEqual(checksum(bytes.slice(0, length), 10), sum)
    for (let at = 0; at < length; at++) {
      const other = bytes.slice(0, length)
      other[at] = other[at]! ^ 1
      assert.notEqual(checksum(other, 9), sum, `byte ${at} of ${length}`)
    }
  }
  // As other implementations of MurmurHash3 have it.
  assert.equal(checksum(bytesOf('hello'), 0), 0x248bfa47)
  assert.equal(checksum(bytesOf('Hello, world!'), 0x9747b28c), 0x24884cba)
  assert.equal(checksum(bytes, 3), xxh32(bytes, 3))
})
