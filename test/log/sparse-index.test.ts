import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
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
    fc.property(anyFrames, fc.nat(), fc.nat({ max: 7 }), (frames, somewhere, bit) => {
      const { index } = indexOf(frames, 500)
      const bytes = index.encode(summary)
      const decoded = SparseIndex.decode(bytes, 500)
      assert.deepEqual(decoded?.summary, summary)
      assert.deepEqual(decoded?.index.encode(summary), bytes)
      const at = somewhere % bytes.length
      bytes[at] = (bytes[at] as number) ^ (1 << bit)
      assert.equal(SparseIndex.decode(bytes, 500), undefined)
      assert.equal(SparseIndex.decode(bytes.subarray(0, at), 500), undefined)
    }),
  )
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => SparseIndex.decode(bytes, 500) === undefined))
})
