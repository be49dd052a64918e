import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { copied, firstSegment, folder, id, reopened, written } from './closed-log.ts'
import { MemoryDisk } from './memory-disk.ts'
import { appendAll, bytesOf, epochB, openOn, readAll, viewOf } from './scenery.ts'

describe('the index', () => {
  const values = Array.from({ length: 30 }, (_, n) => `value ${n}`)

  test('deleted or spoilt in any way, it costs a scan and no more', async () => {
    const { all, frames } = await written(values, 1000)
    assert.ok([...all.keys()].filter((name) => name.endsWith('.index')).length >= 2)
    const spoil: ((bytes: Uint8Array) => Uint8Array | undefined)[] = [
      () => undefined,
      () => new Uint8Array(0),
      (bytes) => bytes.subarray(0, 30),
      (bytes) => bytes.subarray(0, -1),
      (bytes) => bytes.fill(0),
      (bytes) => bytes.fill(0xff, 48, 52),
      (bytes) => {
        bytes[60] = (bytes[60] as number) ^ 1
        return bytes
      },
    ]
    for (const change of spoil) {
      const disk = copied(all, (name, bytes) => (name.endsWith('.index') ? change(bytes) : bytes))
      const { journal, events, log } = await reopened(disk, 1000)
      assert.deepEqual(events, [])
      assert.deepEqual(log && bytesOf(readAll(log)), bytesOf(frames))
      for (const frame of frames) assert.equal(log?.chainAt(frame.baseOffset + 1), frame.chain)
      assert.deepEqual(disk.snapshot(folder), all, 'the scan makes it anew')
      await journal.close()
    }
  })

  test('with its index nothing of a closed log is read or synced at opening', async () => {
    const { all, frames } = await written(values, 1000)
    const disk = copied(all, (_, bytes) => bytes)
    const { journal, log } = await reopened(disk, 1000)
    assert.deepEqual(
      disk.calls.filter((line) => /^(open .*\.log|sync.*orders.*)$/.test(line)),
      [],
    )
    assert.deepEqual(log && bytesOf(readAll(log)), bytesOf(frames))
    await journal.close()
  })

  test('after a crash only what the index does not speak of is read, and it is made durable', async () => {
    const { all, frames } = await written(values, 100_000)
    const disk = copied(all, (_, bytes) => bytes)
    const first = await openOn(disk, { node: 'b', epoch: epochB, settings: { segmentMaxBytes: 100_000 } })
    const elsewhere = await written([...values, 'more', 'and more'], 100_000)
    const more = elsewhere.frames.slice(frames.length)
    await first.journal.replicate(id, bytesOf(more))
    disk.abandon()
    disk.calls.length = 0
    const { journal, events, log } = await reopened(disk, 100_000)
    assert.deepEqual(events, [])
    assert.deepEqual(log && bytesOf(readAll(log)), bytesOf([...frames, ...more]))
    assert.ok(disk.calls.includes(`sync ${firstSegment}`))
    await journal.close()
    assert.deepEqual(disk.snapshot(folder), elsewhere.all)
  })

  test('an index that contradicts the frames loses nothing', async () => {
    const { all, frames } = await written(values, 100_000)
    // As if it were of a copy that had other frames at its beginning.
    const other = await written(['other', 'values'], 100_000)
    const disk = copied(all, (name, bytes) => (name.endsWith('.index') ? other.all.get(name) : bytes))
    const { events, log } = await reopened(disk, 100_000)
    assert.deepEqual(events, [])
    assert.deepEqual(log && bytesOf(readAll(log)), bytesOf(frames))
  })

  test('a disk too full for an index takes records', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { segmentMaxBytes: 300 } })
    disk.fail('open', 'ENOSPC', { part: '.index', times: 100 })
    await appendAll(journal, 'orders', values)
    assert.equal(readAll(viewOf(journal, id)).length, values.length)
  })
})
