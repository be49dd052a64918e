import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { framesIn } from '../../src/log/frame.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  batchOf,
  bytesOf,
  dataDir,
  epochB,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  valuesOf,
  viewOf,
} from './scenery.ts'

const id = idOf('orders')

/** Batches of 1 to 5 records of many sizes over several segments. */
async function filled(settings = { segmentMaxBytes: 4000, indexIntervalBytes: 600 }) {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk, { settings })
  for (let n = 0; n < 60; n++) {
    const values = Array.from({ length: 1 + (n % 5) }, (_, m) => `${n}.${m}`.repeat(1 + ((n * 7) % 30)))
    await journal.append('orders', batchOf(...values), values.length)
  }
  const log = viewOf(journal, id)
  return { disk, journal, log, frames: readAll(log) }
}

describe('reading', () => {
  test('from any offset, in any order, gives whole frames: the first holds the offset, the rest fit the limit', async () => {
    const { log, frames } = await filled()
    const reads = fc.array(fc.record({ from: fc.nat({ max: log.end - 1 }), maxBytes: fc.nat({ max: 9000 }) }))
    fc.assert(
      fc.property(reads, (steps) => {
        for (const { from, maxBytes } of steps) {
          const bytes = log.read(from, maxBytes)
          const read = [...framesIn(bytes)]
          const first = frames.findIndex((frame) => from < frame.baseOffset + frame.recordCount)
          assert.deepEqual(bytesOf(read), bytesOf(frames.slice(first, first + read.length)))
          assert.ok(read.length >= 1 && (read.length === 1 || bytes.length <= maxBytes))
        }
      }),
    )
  })

  test('on and on from the start gives all, by readers of any appetite', async () => {
    const { log, frames } = await filled()
    for (const maxBytes of [0, 1, 100, 1000, 5000, 1_000_000]) {
      assert.deepEqual(bytesOf(readAll(log, maxBytes)), bytesOf(frames))
    }
  })

  test('at the end there is nothing, before the start an answer with the bounds', async () => {
    const { log, disk, journal } = await filled()
    assert.equal(log.read(log.end, 1000).length, 0)
    assert.equal(log.read(log.end + 5, 1000).length, 0)
    assert.throws(() => log.read(-1, 1000), hasCode('OFFSET_TRIMMED'))
    await journal.close()

    const [first, second] = [...disk.snapshot(folderOf(id)).keys()].filter((name) => name.endsWith('.log'))
    disk.removeFile(`${folderOf(id)}/${first}`)
    disk.put(`${folderOf(id)}/${second?.replace('log', 'start')}`, new Uint8Array(0))
    const { journal: next, events } = await openOn(disk, { epoch: epochB })
    const trimmed = viewOf(next, id)
    assert.deepEqual([events, trimmed.start], [[], Number(second?.slice(0, 20))])
    assert.throws(
      () => trimmed.read(0, 1000),
      (error) => {
        assert.deepEqual((error as { facts: unknown }).facts, {
          start: String(trimmed.start),
          end: String(trimmed.end),
        })
        return hasCode('OFFSET_TRIMMED')(error)
      },
    )
    assert.equal(trimmed.chainAt(trimmed.start), undefined)
    assert.equal(readAll(trimmed)[0]?.baseOffset, trimmed.start)
  })

  test('chains are known at frame boundaries and nowhere else', async () => {
    const { log, frames } = await filled()
    const chains = new Map<number, bigint>([[0, 0n]])
    for (const frame of frames) chains.set(frame.baseOffset + frame.recordCount, frame.chain)
    for (let offset = -1; offset <= log.end + 2; offset++) assert.equal(log.chainAt(offset), chains.get(offset))
    assert.equal(log.chainAt(log.end), log.chain)
    assert.equal(log.chainAt(0.5), undefined)
  })

  test('segments begin where the next frame would not fit, and a frame larger than a segment has its own', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { segmentMaxBytes: 500 } })
    const sizes = [100, 100, 100, 2000, 50, 2000, 100]
    for (const size of sizes) await journal.append('orders', batchOf('x'.repeat(size)), 1)
    const names = [...disk.snapshot(folderOf(id)).keys()].filter((name) => name.endsWith('.log'))
    assert.deepEqual(
      names.map((name) => Number(name.slice(0, 20))),
      [0, 2, 3, 4, 5, 6],
    )
    assert.equal(readAll(viewOf(journal, id)).length, sizes.length)
  })

  test('a frame that just fits stays in its segment', async () => {
    const frameBytes = readAll((await filled()).log)[0]?.bytes.length ?? 0
    for (const [segmentMaxBytes, files] of [
      [2 * frameBytes, 1],
      [2 * frameBytes - 1, 2],
    ] as const) {
      const disk = new MemoryDisk()
      const { journal } = await openOn(disk, { settings: { segmentMaxBytes } })
      for (let n = 0; n < 2; n++) await journal.append('orders', batchOf('0.0'), 1)
      assert.equal([...disk.snapshot(folderOf(id)).keys()].filter((name) => name.endsWith('.log')).length, files)
    }
  })

  test('a reader of the tail is told by the commit where to go on', async () => {
    const { journal } = await openOn(new MemoryDisk(), { settings: { segmentMaxBytes: 300 } })
    const read: string[] = []
    let next = 0
    journal.onCommit((log) => {
      for (; next < log.end; ) {
        for (const frame of framesIn(log.read(next, 200))) {
          read.push(...valuesOf([frame]))
          next = frame.baseOffset + frame.recordCount
        }
      }
    })
    const values = Array.from({ length: 30 }, (_, n) => `value ${n}`)
    for (let n = 0; n < values.length; n += 3) {
      await Promise.all(values.slice(n, n + 3).map((value) => journal.append('orders', batchOf(value), 1)))
    }
    assert.deepEqual(read, values)
  })

  test('a disk that cannot be read is said so, and is read again when it can', async () => {
    const { disk, log } = await filled()
    disk.fail('read', 'EIO')
    assert.throws(() => log.read(0, 1000), hasCode('DISK_FAILED'))
    assert.ok(log.read(0, 1000).length > 0)
    assert.equal(disk.snapshot(dataDir).size > 0, true)
  })
})
