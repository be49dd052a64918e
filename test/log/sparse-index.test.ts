import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LatestMarks, MarkedBatches, markedBatches, markedFrame } from '../../src/log/marked-batches.ts'
import { SparseIndex } from '../../src/log/sparse-index.ts'

const summary = { base: 10, end: 500, bytes: 12_345, chain: 0xfedc_ba98_7654_3210n, timestamp: 1n << 56n }

function indexOf(frames: { records: number; bytes: number }[], intervalBytes: number) {
  const index = new SparseIndex(intervalBytes)
  const all: { offset: number; position: number }[] = []
  let offset = 10
  let position = 0
  for (const { records, bytes } of frames) {
    index.add(offset, position)
    all.push({ offset, position })
    offset += records
    position += bytes
  }
  return { index, all }
}

const anyFrames = fc.array(
  fc.record({ records: fc.integer({ min: 1, max: 9 }), bytes: fc.integer({ min: 72, max: 999 }) }),
  {
    minLength: 1,
  },
)

const anyMarked = fc
  .record({
    id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    sequence: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    baseOffset: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    recordCount: fc.nat({ max: 0xffff_ffff }),
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  })
  .map(({ id, sequence, ...frame }) => markedFrame({ id, sequence }, frame))

test('leads to a frame at or before any offset, never far before it', () => {
  fc.assert(
    fc.property(anyFrames, fc.integer({ min: 1, max: 3000 }), (frames, intervalBytes) => {
      const { index, all } = indexOf(frames, intervalBytes)
      for (const frame of all) {
        const entry = index.floor(frame.offset)
        assert.ok(entry && all.some(({ offset, position }) => offset === entry.offset && position === entry.position))
        assert.ok(entry.offset <= frame.offset && frame.position - entry.position < intervalBytes)
      }
      assert.equal(index.floor(9), undefined)
    }),
  )
})

test('a file gives the same index back; any other bytes give none', () => {
  fc.assert(
    fc.property(anyFrames, fc.array(anyMarked), fc.nat(), fc.nat({ max: 7 }), (frames, batches, somewhere, bit) => {
      const { index } = indexOf(frames, 500)
      const marked = new MarkedBatches()
      for (const batch of batches) marked.add(batch)
      const bytes = index.encode(summary, 7n, marked)
      const decoded = SparseIndex.decode(bytes, 7n, 500)
      assert.deepEqual(decoded?.summary, summary)
      assert.deepEqual(decoded?.marked?.list(), batches.length > 0 ? batches : undefined)
      assert.deepEqual(decoded?.index.encode(summary, 7n, decoded.marked), bytes)
      const at = somewhere % bytes.length
      bytes[at] = (bytes[at] as number) ^ (1 << bit)
      assert.equal(SparseIndex.decode(bytes, 7n, 500), undefined)
      assert.equal(SparseIndex.decode(bytes.subarray(0, at), 7n, 500), undefined)
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => SparseIndex.decode(bytes, 7n, 500) === undefined))
})

test('a file of version 1, which knows no producers, is read for ever', () => {
  const bytes = Buffer.from(
    '5249445800000001000000000000000a00000000000001f40000000000003039fedcba9876543210010000000000000000000001' +
      '000000000000000a0000000000000000d9515264',
    'hex',
  )
  const decoded = SparseIndex.decode(bytes, 7n, 500)
  assert.deepEqual(decoded?.summary, summary)
  assert.deepEqual(decoded?.index.floor(499), { offset: 10, position: 0 })
  assert.equal(decoded?.marked, undefined)
})

test('keeps the last batches of each producer, in the order of the log, and no more than it may', () => {
  const marked = new MarkedBatches()
  const idOf = (n: number) => new Uint8Array(16).fill(n)
  let baseOffset = 0
  const add = (n: number, sequence: number) =>
    marked.add(markedFrame({ id: idOf(n), sequence }, { baseOffset: baseOffset++, recordCount: 1, timestamp: 1n }))
  for (let n = 0; n < 40_000; n++) add(1, n)
  for (let n = 0; n < 3; n++) add(2, n)
  add(1, 40_000)
  const list = marked.list()
  assert.equal(list.length, 64 + 3)
  assert.deepEqual(
    list.slice(-4).map(({ sequence }) => sequence),
    [0, 1, 2, 40_000],
  )
  assert.deepEqual(
    list.map((batch) => batch.baseOffset).sort((a, b) => a - b),
    list.map((batch) => batch.baseOffset),
  )
  for (let n = 0; n < 40_000; n++) {
    const id = new Uint8Array(16)
    new DataView(id.buffer).setUint32(0, n + 1)
    marked.add(markedFrame({ id, sequence: 0 }, { baseOffset: baseOffset++, recordCount: 1, timestamp: 1n }))
  }
  assert.equal(marked.list().length, 16_384)
})

test('of the segments of a log the last ones that hold all that is remembered keep their batches', () => {
  const segments = Array.from({ length: 12 }, (_, n) => {
    const marked = new MarkedBatches()
    for (let m = 0; m < 10_000; m++) {
      const id = new Uint8Array(16)
      new DataView(id.buffer).setUint32(0, 10_000 * n + m + 1)
      marked.add(markedFrame({ id, sequence: 0 }, { baseOffset: m, recordCount: 1, timestamp: BigInt(n) }))
    }
    return { marked: n % 2 === 0 ? marked : MarkedBatches.decode(marked.encode()) }
  })
  const marks = new LatestMarks()
  for (const segment of segments) marks.note(segment)
  assert.deepEqual(
    segments.map(({ marked }) => marked?.size ?? 0),
    [...new Array(5).fill(0), ...new Array(7).fill(10_000)],
  )
  const found = markedBatches([{ id: { topic: 't', origin: 'a', epoch: 'e' }, segments }])
  assert.equal(found.length, 65_536)
  assert.deepEqual([found[0]?.[1].timestamp, found.at(-1)?.[1].timestamp], [5n, 11n])
  assert.ok(segments.slice(0, -1).every(({ marked }) => marked === undefined) && segments.at(-1)?.marked)
})
