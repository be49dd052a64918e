import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from './memory-disk.ts'
import { batchOf, idOf, openOn, readAll, valuesOf, viewOf } from './scenery.ts'

describe('what goes to the disk together', () => {
  test('small batches that wait together are one frame, each with its own place in it', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const values = Array.from({ length: 2000 }, (_, n) => `value ${n} `.repeat(10))
    const placed = values.map((value) => journal.place('orders', batchOf(value), 1))
    assert.ok(new Set(placed.map(({ durable }) => durable)).size <= 2)
    await Promise.all(placed.map(({ durable }) => durable))
    assert.deepEqual(
      placed.map(({ baseOffset, endOffset }) => [baseOffset, endOffset]),
      values.map((_, n) => [n, n + 1]),
    )
    const frames = readAll(viewOf(journal, idOf('orders')))
    assert.ok(frames.length < 10)
    assert.ok(frames.every(({ bytes }) => bytes.length <= 64 * 1024))
    assert.deepEqual(valuesOf(frames), values)
    for (const { baseOffset, recordCount, timestamp } of frames) {
      for (const each of placed.slice(baseOffset, baseOffset + recordCount)) assert.equal(each.timestamp, timestamp)
    }
  })

  test('a batch that is large stays a frame of its own, and no order is lost around it', async () => {
    const { journal } = await openOn(new MemoryDisk(), { settings: { groupMaxBytes: 100_000 } })
    const values = ['a', 'b', 'c'.repeat(70_000), 'd', 'e', 'f'.repeat(300_000), 'g']
    await Promise.all(values.map((value) => journal.append('orders', batchOf(value), 1)))
    const frames = readAll(viewOf(journal, idOf('orders')))
    assert.deepEqual(
      frames.map(({ recordCount }) => recordCount),
      [2, 1, 2, 1, 1],
    )
    assert.deepEqual(valuesOf(frames), values)
  })

  test('while one sync is under way, full writes go to the disk, and the next sync covers them', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { groupMaxBytes: 1000 } })
    await journal.append('orders', batchOf('begin'), 1)
    disk.holdSyncs()
    const first = journal.append('orders', batchOf('first'), 1)
    await disk.syncHeld()
    const before = disk.calls.length
    const values = Array.from({ length: 9 }, (_, n) => `${n}`.repeat(300))
    const others = values.map((value) => journal.append('orders', batchOf(value), 1))
    assert.deepEqual(
      disk.calls.slice(before).map((call) => call.split(' ')[0]),
      ['write', 'write'],
    )
    const log = viewOf(journal, idOf('orders'))
    assert.equal(log.end, 1)
    const syncs = disk.syncs
    disk.releaseSyncs()
    await first
    await Promise.all(others)
    assert.equal(disk.syncs - syncs, 1)
    assert.deepEqual(valuesOf(readAll(log)), ['begin', 'first', ...values])
  })
})
