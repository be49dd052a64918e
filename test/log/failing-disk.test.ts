import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryDisk } from './memory-disk.ts'
import {
  batchOf,
  dataDir,
  epochB,
  epochC,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  valuesOf,
  viewOf,
} from './scenery.ts'

describe('a failing disk', () => {
  test('full: refused, nothing left behind, and on again when there is space', async () => {
    const disk = new MemoryDisk()
    const { journal, events } = await openOn(disk)
    await journal.append('orders', batchOf('one'), 1)
    const log = viewOf(journal, idOf('orders'))
    const before = disk.snapshot(dataDir)
    disk.fail('write', 'ENOSPC', { times: 2, writtenBytes: 40 })
    const both = [journal.append('orders', batchOf('two'), 1), journal.append('orders', batchOf('three'), 1)]
    for (const append of both) await assert.rejects(append, hasCode('DISK_FULL'))
    await assert.rejects(journal.append('orders', batchOf('four'), 1), hasCode('DISK_FULL'))
    assert.deepEqual(disk.snapshot(dataDir), before)
    assert.equal(readAll(log).length, 1)
    const ack = await journal.append('orders', batchOf('five'), 1)
    assert.equal(ack.baseOffset, 1)
    assert.deepEqual(
      events.map((event) => event.kind),
      ['full', 'fullOver'],
    )
    disk.crash()
    const { journal: next, events: atOpening } = await openOn(disk, { epoch: epochB })
    assert.deepEqual(atOpening, [])
    assert.deepEqual(
      readAll(viewOf(next, idOf('orders'))).map((frame) => frame.body),
      [batchOf('one'), batchOf('five')],
    )
  })

  test('full at the first append of a topic: the topic does not appear, and later it does', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    disk.fail('makeFolder', 'ENOSPC')
    await assert.rejects(journal.append('orders', batchOf('one'), 1), hasCode('DISK_FULL'))
    disk.fail('write', 'EDQUOT')
    await assert.rejects(journal.append('orders', batchOf('one'), 1), hasCode('DISK_FULL'))
    assert.deepEqual(journal.logs(), [])
    assert.equal(disk.snapshot(`${dataDir}/topics`).size, 0)
    assert.equal((await journal.append('orders', batchOf('one'), 1)).baseOffset, 0)
    assert.deepEqual(journal.topics(), ['orders'])
  })

  for (const [what, arrange] of [
    ['a failed sync', (disk: MemoryDisk) => disk.fail('sync', 'EIO')],
    ['a failed write', (disk: MemoryDisk) => disk.fail('write', 'EIO')],
    [
      'a full disk that cannot be undone',
      (disk: MemoryDisk) => {
        disk.fail('write', 'ENOSPC', { writtenBytes: 30 })
        disk.fail('truncate', 'EIO')
      },
    ],
  ] as const) {
    test(`${what} ends the log for this run, reads go on, other logs too`, async () => {
      const disk = new MemoryDisk()
      const { journal, events } = await openOn(disk)
      await journal.append('orders', batchOf('one'), 1)
      arrange(disk)
      await assert.rejects(journal.append('orders', batchOf('two'), 1), hasCode('DISK_FAILED'))
      await assert.rejects(journal.append('orders', batchOf('three'), 1), hasCode('LOG_FAILED'))
      const log = viewOf(journal, idOf('orders'))
      assert.deepEqual([log.end, readAll(log).length], [1, 1])
      assert.deepEqual(
        events.map((event) => event.kind),
        ['failed'],
      )
      await journal.append('payments', batchOf('one'), 1)
      await journal.close()
    })
  }

  test('those who wait behind a failed sync are refused too', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    disk.holdSyncs()
    const first = journal.append('orders', batchOf('one'), 1)
    await disk.syncHeld()
    const second = journal.append('orders', batchOf('two'), 1)
    disk.fail('sync', 'EIO')
    disk.releaseSyncs()
    await assert.rejects(first, hasCode('DISK_FAILED'))
    await assert.rejects(second, hasCode('DISK_FAILED'))
    assert.deepEqual(journal.logs(), [])
  })

  test('a folder that cannot be synced is a failed sync', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    disk.fail('syncFolder', 'EIO')
    await assert.rejects(journal.append('orders', batchOf('one'), 1), hasCode('DISK_FAILED'))
    await assert.rejects(journal.append('orders', batchOf('one'), 1), hasCode('LOG_FAILED'))
  })

  test('what a failed sync left is written anew before a later run shows it, from where the index ends', async () => {
    const disk = new MemoryDisk()
    const { journal: first } = await openOn(disk, { node: 'b' })
    await first.append('orders', batchOf('one'), 1)
    await first.close()
    const { journal } = await openOn(disk, { epoch: epochB })
    disk.fail('sync', 'EIO')
    await assert.rejects(journal.append('orders', batchOf('two'), 1), hasCode('DISK_FAILED'))
    await journal.close()
    disk.calls.length = 0
    const { journal: next, events } = await openOn(disk, { epoch: epochC })
    assert.deepEqual([valuesOf(readAll(viewOf(next, idOf('orders', 'a', epochB)))), events], [['two'], []])
    const path = `${folderOf(idOf('orders', 'a', epochB))}/00000000000000000000.log`
    assert.deepEqual(
      disk.calls.filter((call) => /^(write|sync) .*\.log$/.test(call)),
      [`write ${path}`, `sync ${path}`],
    )
  })

  test('what was durable when a write failed is acknowledged and stays', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { groupMaxBytes: 300 } })
    await journal.append('orders', batchOf('one'), 1)
    disk.holdSyncs()
    const good = journal.append('orders', batchOf('good'), 1)
    await disk.syncHeld()
    disk.fail('write', 'EIO')
    const bad = Array.from({ length: 9 }, () =>
      journal.append('orders', batchOf('x'.repeat(200)), 1).catch((error) => error),
    )
    disk.releaseSyncs()
    assert.equal((await good).baseOffset, 1)
    assert.ok((await Promise.all(bad)).every((error) => hasCode('DISK_FAILED')(error) || hasCode('LOG_FAILED')(error)))
    await journal.close()
    const { journal: next, events } = await openOn(disk, { epoch: epochB })
    assert.deepEqual([valuesOf(readAll(viewOf(next, idOf('orders')))), events], [['one', 'good'], []])
  })

  test('a full disk met while a sync is under way takes nothing from what is being synced', async () => {
    const disk = new MemoryDisk()
    const { journal, events } = await openOn(disk, { settings: { groupMaxBytes: 300 } })
    await journal.append('orders', batchOf('one'), 1)
    disk.holdSyncs()
    const good = journal.append('orders', batchOf('two'), 1)
    await disk.syncHeld()
    disk.fail('write', 'ENOSPC', { writtenBytes: 50 })
    const refused = Array.from({ length: 2 }, () => journal.append('orders', batchOf('x'.repeat(200)), 1))
    for (const each of refused) await assert.rejects(each, hasCode('DISK_FULL'))
    const later = journal.append('orders', batchOf('three'), 1)
    disk.releaseSyncs()
    assert.deepEqual([(await good).baseOffset, (await later).baseOffset], [1, 2])
    assert.deepEqual(valuesOf(readAll(viewOf(journal, idOf('orders')))), ['one', 'two', 'three'])
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['full', 'fullOver'],
    )
  })

  test('a file that cannot be opened for writing is tried again: reported once, and when it is over', async () => {
    const disk = new MemoryDisk()
    const { journal: first } = await openOn(disk)
    await first.append('orders', batchOf('one'), 1)
    await first.close()
    const { journal, events } = await openOn(disk, { epoch: epochB })
    disk.fail('open', 'EROFS', { part: '.log', times: 3 })
    for (let n = 0; n < 3; n++) {
      await assert.rejects(journal.append('orders', batchOf('two'), 1), hasCode('DISK_FAILED'))
      assert.equal(viewOf(journal, idOf('orders')).end, 1)
    }
    assert.equal((await journal.append('orders', batchOf('two'), 1)).baseOffset, 0)
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['unwritable', 'writable'],
    )
  })

  test('a slow disk lets those wait who need it, and nobody else', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await journal.append('orders', batchOf('one'), 1)
    disk.holdSyncs()
    let answered = false
    const waiting = journal.append('orders', batchOf('two'), 1).then(() => {
      answered = true
    })
    await disk.syncHeld()
    const log = viewOf(journal, idOf('orders'))
    assert.deepEqual([valuesOf(readAll(log)), answered], [['one'], false])
    disk.releaseSyncs()
    await waiting
    assert.equal(log.end, 2)
  })
})
