import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Clock, DiskError } from '../../src/env/env.ts'
import type { Journal } from '../../src/log/journal.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { copied, firstSegment, folder, id, reopened, written } from './closed-log.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  appendAll,
  batchOf,
  bytesOf,
  dataDir,
  epochA,
  epochB,
  hasCode,
  openOn,
  readAll,
  stillClock,
  valuesOf,
  viewOf,
} from './scenery.ts'

const values = (count: number) => Array.from({ length: count }, (_, n) => `value ${n}`)
const size = (disk: MemoryDisk) => disk.stat(firstSegment)?.bytes ?? 0
const aheadOf = (disk: MemoryDisk, journal: Journal) => size(disk) - viewOf(journal, id).bytes

/** More than a file has room for is a full disk. */
class SmallDisk extends MemoryDisk {
  fileMaxBytes = Number.POSITIVE_INFINITY

  override open(path: string, mode: 'read' | 'write') {
    const file = super.open(path, mode)
    return {
      ...file,
      write: (source: Uint8Array, position: number) => {
        const room = Math.max(0, this.fileMaxBytes - position)
        if (source.length <= room) return file.write(source, position)
        file.write(source.subarray(0, room), position)
        throw new DiskError('ENOSPC', path)
      },
    }
  }
}

describe('zeros ahead of a file that grows in small pieces', () => {
  test('come with one group in many; the next ones leave its size as it is', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(3))
    assert.equal(aheadOf(disk, journal), 0, 'nobody knows yet that it goes on like this')
    await appendAll(journal, 'orders', values(20))
    assert.ok(aheadOf(disk, journal) > 100_000)
    const before = size(disk)
    await appendAll(journal, 'orders', values(50))
    assert.equal(size(disk), before)
    assert.deepEqual(valuesOf(readAll(viewOf(journal, id))), [...values(3), ...values(20), ...values(50)])
    const { bytes } = viewOf(journal, id)
    assert.ok(
      disk
        .snapshot(folder)
        .get('00000000000000000000.log')
        ?.subarray(bytes)
        .every((byte) => byte === 0),
    )
    await journal.close()
    assert.equal(size(disk), bytes)
  })

  test('end where the segment will, and are gone when the next one begins', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { segmentMaxBytes: 3000 } })
    await appendAll(journal, 'orders', values(20))
    assert.equal(size(disk), 3000)
    await appendAll(journal, 'orders', values(150))
    const names = [...disk.snapshot(folder).keys()].filter((name) => name.endsWith('.log'))
    const sealed = names.slice(0, -1).map((name) => disk.stat(`${folder}/${name}`)?.bytes)
    assert.ok(sealed.length >= 2)
    const known = journal.segments('orders')[0]?.segments.slice(0, -1)
    assert.deepEqual(
      sealed,
      known?.map(({ bytes }) => bytes),
    )
  })

  test('are given back to a large group, and are not worth it where nothing is synced', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(20))
    await appendAll(journal, 'orders', ['large '.repeat(10_000)])
    assert.equal(aheadOf(disk, journal), 0)
    await journal.close()
    const relaxed = new MemoryDisk()
    const { journal: other } = await openOn(relaxed, { settings: { durability: 'os' } })
    await appendAll(other, 'orders', values(50))
    assert.equal(aheadOf(relaxed, other), 0)
  })

  test('are given back when the file rests, and when others need it open', async () => {
    let nowMs = 0
    const timers: (() => void)[] = []
    const clock: Clock = {
      ...stillClock,
      monotonicMs: () => nowMs,
      setTimeout: (callback) => {
        timers.push(callback)
        return {}
      },
    }
    const disk = new MemoryDisk()
    const settings = { ...defaultLogSettings, openFilesMax: 1 }
    const journal = await openJournal({ disk, clock, dataDir, node: 'a', epoch: epochA, settings, report: () => {} })
    await appendAll(journal, 'orders', values(20))
    assert.equal(timers.length, 1)
    nowMs = 500
    timers.shift()?.()
    assert.ok(aheadOf(disk, journal) > 0, 'it may go on')
    nowMs = 1500
    timers.shift()?.()
    assert.equal(aheadOf(disk, journal), 0)
    assert.equal(timers.length, 0, 'nothing is left to wait for')
    for (const value of values(20)) {
      nowMs += 200
      await appendAll(journal, 'orders', [value])
    }
    assert.equal(aheadOf(disk, journal), 0, 'too rarely')
    await appendAll(journal, 'orders', values(20))
    assert.ok(aheadOf(disk, journal) > 0)
    await appendAll(journal, 'payments', ['one'])
    assert.equal(aheadOf(disk, journal), 0)
    await journal.close()
  })

  test('never make a disk full: not for their own log, and not for another', async () => {
    const disk = new SmallDisk()
    const { journal, events } = await openOn(disk)
    disk.fileMaxBytes = 20_000
    await appendAll(journal, 'orders', values(100))
    assert.equal(aheadOf(disk, journal), 0)
    disk.fileMaxBytes = Number.POSITIVE_INFINITY
    await appendAll(journal, 'orders', values(20))
    assert.ok(aheadOf(disk, journal) > 0)
    disk.fail('write', 'ENOSPC', { part: 'payments', writtenBytes: 10 })
    await appendAll(journal, 'payments', ['one'])
    assert.equal(aheadOf(disk, journal), 0, 'they made room')
    assert.deepEqual(events, [])
    assert.deepEqual(valuesOf(readAll(viewOf(journal, id))), [...values(100), ...values(20)])
  })

  for (const how of ['killed', 'without power'] as const) {
    test(`are cut without a word after the node was ${how}`, async () => {
      const disk = new MemoryDisk()
      const { journal } = await openOn(disk)
      await appendAll(journal, 'orders', values(30))
      const { bytes } = viewOf(journal, id)
      if (how === 'killed') disk.abandon()
      else disk.crash()
      assert.ok(size(disk) > bytes)
      assert.deepEqual(
        [...verifyDataDirs(disk, [dataDir])].map(({ kind }) => kind),
        ['log'],
      )
      const { log, events, journal: next } = await reopened(disk)
      assert.deepEqual(events, [])
      assert.deepEqual(log && valuesOf(readAll(log)), values(30))
      assert.equal(size(disk), bytes)
      await next.close()
    })
  }

  test('a write that did not end among them is cut, wherever it was torn', async () => {
    const { frames, all } = await written(values(3))
    const whole = bytesOf(frames)
    const last = frames.at(-1)?.bytes.length ?? 0
    for (let kept = 1; kept < last; kept++) {
      const torn = Uint8Array.from(whole)
      torn.fill(0, whole.length - last + kept)
      const disk = copied(all, (name) =>
        name.endsWith('.log') ? Buffer.concat([torn, new Uint8Array(9000)]) : undefined,
      )
      const { log, events, journal } = await reopened(disk)
      // The last bytes may be zeros anyway.
      const end = whole.subarray(whole.length - last + kept).some((byte) => byte !== 0) ? 2 : 3
      assert.equal(log?.end, end, `${kept} bytes of it`)
      assert.deepEqual(
        events.map(({ kind }) => kind),
        end === 2 ? ['tailCut'] : [],
      )
      await journal.close()
    }
  })

  test('behind a finished segment they are no harm; in the place of its last frame they are', async () => {
    const { all } = await written(values(60), 2000)
    const first = [...all.keys()].find((name) => name.endsWith('.log'))
    const longer = copied(all, (name, bytes) => (name === first ? Buffer.concat([bytes, new Uint8Array(5000)]) : bytes))
    assert.deepEqual([...verifyDataDirs(longer, [dataDir])].filter(isHarm), [])
    const { log, events, journal } = await reopened(longer, 2000)
    assert.deepEqual([log?.end, events], [60, []])
    assert.equal(size(longer), all.get(first as string)?.length)
    await journal.close()

    const spoilt = copied(all, (name, bytes) => {
      if (name.endsWith('.index')) return undefined
      return name === first ? bytes.fill(0, bytes.length - 40) : bytes
    })
    assert.equal([...verifyDataDirs(spoilt, [dataDir])].filter(isHarm).length > 0, true)
    const { events: found } = await openOn(spoilt, { epoch: epochB })
    assert.deepEqual(
      found.map(({ kind }) => kind),
      ['damaged'],
    )
  })

  test('a group that fails among them leaves nothing behind', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(20))
    disk.fail('write', 'ENOSPC', { writtenBytes: 30 })
    await assert.rejects(journal.append('orders', batchOf('refused'), 1))
    assert.equal(aheadOf(disk, journal), 0)
    await appendAll(journal, 'orders', ['on'])
    assert.deepEqual(valuesOf(readAll(viewOf(journal, id))), [...values(20), 'on'])
  })

  const callsOf = (disk: MemoryDisk, from: number) =>
    disk.calls.slice(from).flatMap((call) => (call.endsWith(` ${firstSegment}`) ? [call.split(' ')[0]] : []))
  const producer = (n: number) => ({ id: new Uint8Array(16).fill(n + 1), sequence: 0, skips: false })
  /** Frames of their own that wait for the same write. */
  const together = (journal: Journal, count: number, size = 10) =>
    Array.from({ length: count }, (_, n) => journal.append('orders', batchOf('x'.repeat(size)), 1, producer(n)))

  test('are cut for good before several frames are written at once', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(20))
    assert.ok(aheadOf(disk, journal) > 0)
    disk.holdSyncs()
    const from = disk.calls.length
    const several = together(journal, 3)
    await disk.syncHeld()
    assert.deepEqual(callsOf(disk, from), ['truncate'], 'none of them is written before that is synced')
    disk.releaseSyncs()
    await Promise.all(several)
    assert.deepEqual(callsOf(disk, from), ['truncate', 'sync', 'write', 'sync'])
    const then = disk.calls.length
    await Promise.all(values(3).map((value) => journal.append('orders', batchOf(value), 1)))
    assert.ok(!callsOf(disk, then).includes('truncate'), 'once is enough')
  })

  test('that were written over to the last one need no cut', async () => {
    let nowMs = 0
    const clock: Clock = { ...stillClock, monotonicMs: () => nowMs }
    const disk = new MemoryDisk()
    const settings = defaultLogSettings
    const journal = await openJournal({ disk, clock, dataDir, node: 'a', epoch: epochA, settings, report: () => {} })
    await appendAll(journal, 'orders', values(20))
    const ahead = aheadOf(disk, journal)
    assert.ok(ahead > 0)
    for (let left = ahead; left > 0; left -= 20_000) {
      nowMs += 200
      const from = disk.calls.length
      await appendAll(journal, 'orders', ['x'.repeat(20_000)])
      assert.deepEqual(callsOf(disk, from), ['write', 'sync'])
    }
    assert.equal(aheadOf(disk, journal), 0)
    const then = disk.calls.length
    await Promise.all(together(journal, 3))
    assert.deepEqual(callsOf(disk, then), ['write', 'sync'])
  })

  test('are not written over by what is written while a sync is under way', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { groupMaxBytes: 1000 } })
    await appendAll(journal, 'orders', values(20))
    disk.holdSyncs()
    const first = journal.append('orders', batchOf('first'), 1)
    await disk.syncHeld()
    const from = disk.calls.length
    const others = Array.from({ length: 9 }, (_, n) => journal.append('orders', batchOf(`${n}`.repeat(300)), 1))
    assert.deepEqual(callsOf(disk, from), [])
    disk.releaseSyncs()
    await Promise.all([first, ...others])
    assert.deepEqual(callsOf(disk, from).slice(0, 4), ['sync', 'truncate', 'sync', 'write'])
    assert.equal(viewOf(journal, id).end, 30)
  })

  test('that were given back without a sync count until there was one, also when the file was closed meanwhile', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { openFilesMax: 1 } })
    await appendAll(journal, 'orders', values(20))
    await appendAll(journal, 'payments', ['one'])
    assert.equal(aheadOf(disk, journal), 0)
    const from = disk.calls.length
    await Promise.all(together(journal, 2))
    assert.deepEqual(callsOf(disk, from), ['open', 'truncate', 'sync', 'write', 'sync'])
  })

  test('a disk that does not let them be cut refuses what waits, and takes more when it does', async () => {
    const disk = new MemoryDisk()
    const { journal, events } = await openOn(disk)
    await appendAll(journal, 'orders', values(20))
    disk.fail('truncate', 'EROFS')
    await Promise.all(together(journal, 2).map((one) => assert.rejects(one, hasCode('DISK_FAILED'))))
    await Promise.all(together(journal, 2))
    assert.equal(viewOf(journal, id).end, 22)
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['unwritable', 'writable'],
    )
  })

  test('a log whose cut was not synced takes no more', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(20))
    disk.fail('sync', 'EIO')
    await Promise.all(together(journal, 2).map((one) => assert.rejects(one, hasCode('DISK_FAILED'))))
    await assert.rejects(journal.append('orders', batchOf('more'), 1), hasCode('LOG_FAILED'))
    assert.equal(viewOf(journal, id).end, 20)
  })

  test('whatever a power cut keeps of a frame among them is no damage', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(20))
    const before = disk.snapshot(folder)
    await journal.append('orders', batchOf('large '.repeat(1000)), 1)
    const after = disk.snapshot(folder).get('00000000000000000000.log') as Uint8Array
    const sector = 512
    const from = Math.floor(viewOf(journal, id).bytes / sector) - 12
    for (let kept = 0; kept < 4096; kept += 29) {
      const disk = copied(before, (name, bytes) => {
        if (!name.endsWith('.log')) return bytes
        for (let n = 0; n < 12; n++) {
          const [start, end] = [(from + n) * sector, (from + n + 1) * sector]
          if (kept & (1 << n)) bytes.set(after.subarray(start, end), start)
        }
        return bytes
      })
      assert.deepEqual([...verifyDataDirs(disk, [dataDir])].filter(isHarm), [])
      const { log, events, journal: next } = await reopened(disk)
      assert.equal(log?.end, 20, `${kept}`)
      assert.deepEqual(
        events.filter(({ kind }) => kind !== 'tailCut'),
        [],
      )
      await next.close()
    }
  })
})
