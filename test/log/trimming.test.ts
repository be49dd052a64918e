import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { framesIn } from '../../src/log/frame.ts'
import type { Journal } from '../../src/log/journal.ts'
import { logKey } from '../../src/log/log-id.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  appendAll,
  batchOf,
  bytesOf,
  dataDir,
  epochB,
  epochC,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  viewOf,
} from './scenery.ts'

const small = { settings: { segmentMaxBytes: 300 } }
const id = idOf('orders')
const goOn = async () => true
const values = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `value ${from + n} ${'x'.repeat(40)}`)
const filesOf = (disk: MemoryDisk) => [...disk.snapshot(folderOf(id)).keys()]
const textsOf = (journal: Journal) => readAll(viewOf(journal, id)).map(({ body }) => new TextDecoder().decode(body))

async function writtenOn(disk: MemoryDisk, count = 10) {
  const opened = await openOn(disk, small)
  await appendAll(opened.journal, 'orders', values(count))
  return opened
}

const rules = { segmentMaxBytes: 300, deletedAt: 0n, expires: true }

describe('trimming', () => {
  test('removes whole segments below an offset with their indexes, and says so', async () => {
    const disk = new MemoryDisk()
    const { journal, events } = await writtenOn(disk)
    const log = viewOf(journal, id)
    const [, second] = journal.segments('orders')[0]!.segments
    const before = bytesOf(readAll(log))
    const moved: number[] = []
    journal.onTrim(({ start }) => moved.push(start))
    assert.equal(await journal.trim(id, second!.end + 1, goOn), true)
    assert.deepEqual([log.start, log.end, moved], [second!.end, 10, [second!.end]])
    assert.equal(filesOf(disk).filter((name) => Number(name.slice(0, 20)) < log.start).length, 0)
    assert.deepEqual(bytesOf(readAll(log)), before.subarray(before.length - log.bytes))
    assert.throws(() => log.read(0, 100), hasCode('OFFSET_TRIMMED'))
    assert.deepEqual(
      events.map((event) => event.kind === 'trimmed' && event.start),
      [log.start],
    )
    await journal.close()
  })

  test('a power cut after any step leaves one piece that ends where it did, and verifies', async () => {
    for (let call = 1; ; call++) {
      const disk = new MemoryDisk()
      const { journal } = await writtenOn(disk)
      const texts = textsOf(journal)
      let steps = 0
      const done = await journal.trim(id, 10, async () => ++steps < call)
      disk.crash()
      assert.equal([...verifyDataDirs(disk, [dataDir])].filter(isHarm).length, 0)
      const { journal: next, events } = await openOn(disk, { ...small, epoch: epochB })
      const log = viewOf(next, id)
      assert.equal(log.end, 10)
      assert.deepEqual(textsOf(next), texts.slice(log.start))
      assert.deepEqual(events, [])
      await next.close()
      if (done && log.start === 10) break
      assert.ok(call < 30)
    }
  })

  for (const call of ['open', 'remove', 'syncFolder'] as const) {
    test(`a disk that fails at any ${call} loses nothing behind it`, async () => {
      for (let nth = 1; nth < 12; nth++) {
        const disk = new MemoryDisk()
        const { journal } = await writtenOn(disk)
        disk.failNth(call, nth)
        await journal.trim(id, 10, goOn).catch((error) => assert.ok(hasCode('DISK_FAILED')(error)))
        disk.heal()
        disk.crash()
        const { journal: next, events } = await openOn(disk, { ...small, epoch: epochB })
        assert.equal(viewOf(next, id).end, 10)
        assert.deepEqual(events, [])
        await next.close()
      }
    })
  }

  test('a log of which everything went keeps its end, and goes on there', async () => {
    const disk = new MemoryDisk()
    const { journal } = await writtenOn(disk)
    assert.equal(await journal.trim(id, 10, goOn), true)
    const log = viewOf(journal, id)
    assert.deepEqual([log.start, log.end, log.bytes], [10, 10, 0])
    assert.deepEqual(filesOf(disk), ['00000000000000000010.log', '00000000000000000010.start'])
    const appended = await journal.append('orders', batchOf('later'), 1)
    assert.equal(appended.baseOffset, 10)
    assert.deepEqual([log.start, log.end], [10, 11])
    await journal.close()
    const { journal: next } = await openOn(disk, { ...small, epoch: epochB })
    assert.deepEqual([viewOf(next, id).start, viewOf(next, id).end], [10, 11])
    await next.close()
  })

  test('what is being written is not cut: it goes once the next segment has begun', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', values(10))
    disk.holdSyncs()
    const append = journal.append('orders', batchOf('under way'), 1)
    await disk.syncHeld()
    assert.equal(await journal.trim(id, 10, goOn), false)
    assert.equal(viewOf(journal, id).start, 0)
    disk.releaseSyncs()
    await append
    await journal.append('orders', batchOf('more'), 1)
    await journal.trim(id, 11, goOn)
    assert.deepEqual([viewOf(journal, id).start, viewOf(journal, id).end], [11, 12])
    await journal.close()
  })

  test('a bound survives restarts, and a copy goes on behind it from a peer', async () => {
    const [origin, replica] = [new MemoryDisk(), new MemoryDisk()]
    const { journal: writer } = await writtenOn(origin)
    const { journal: copy } = await openOn(replica, { node: 'b', epoch: epochB, ...small })
    await copy.replicate(id, viewOf(writer, id).read(0, 1e6))
    while (viewOf(copy, id).end < 10) await copy.replicate(id, viewOf(writer, id).read(viewOf(copy, id).end, 1e6))
    await copy.trim(id, 10, goOn)
    await copy.close()
    replica.crash()
    const { journal: again } = await openOn(replica, { node: 'b', epoch: epochC, ...small })
    const log = viewOf(again, id)
    assert.deepEqual([log.start, log.end, log.chain], [10, 10, 0n])
    await writer.append('orders', batchOf('eleven'), 1)
    assert.equal(await again.replicate(id, viewOf(writer, id).read(10, 1e6)), 11)
    assert.equal(log.chain, viewOf(writer, id).chain)
    await writer.close()
    await again.close()
  })

  test('a bound takes no disk full at its first frame for its own end', async () => {
    const disk = new MemoryDisk()
    const { journal } = await writtenOn(disk)
    await journal.trim(id, 10, goOn)
    disk.fail('write', 'ENOSPC')
    await assert.rejects(journal.append('orders', batchOf('refused'), 1), hasCode('DISK_FULL'))
    assert.deepEqual(filesOf(disk), ['00000000000000000010.log', '00000000000000000010.start'])
    assert.equal((await journal.append('orders', batchOf('taken'), 1)).baseOffset, 10)
    await journal.close()
  })
})

describe('a copy that begins anew', () => {
  test('takes the frames that follow, remembers its start, and deletes what expires', async () => {
    const [origin, replica] = [new MemoryDisk(), new MemoryDisk()]
    const { journal: writer } = await writtenOn(origin)
    const { journal: copy, events } = await openOn(replica, { node: 'b', epoch: epochB, ...small })
    copy.rule('orders', rules)
    const [first] = [...framesIn(viewOf(writer, id).read(0, 1))]
    await copy.replicate(id, first!.bytes)
    await copy.beginAt(id, 5)
    const log = viewOf(copy, id)
    assert.deepEqual([log.start, log.end], [5, 5])
    await copy.replicate(id, viewOf(writer, id).read(5, 1e6))
    assert.deepEqual(
      events.map((event) => (event.kind === 'begunAnew' ? [event.end, event.start, event.folder] : event.kind)),
      [[1, 5, undefined]],
    )
    const { end } = log
    await copy.beginAt(id, 5)
    assert.equal(log.end, end, 'it has begun already')
    await copy.close()
    replica.crash()
    assert.equal([...verifyDataDirs(replica, [dataDir])].filter(isHarm).length, 0)
    const { journal: again } = await openOn(replica, { node: 'b', epoch: epochC, ...small })
    assert.deepEqual([viewOf(again, id).start, viewOf(again, id).end], [5, end])
    await again.close()
    await writer.close()
  })

  test('sets aside what nothing here says may go', async () => {
    const [origin, replica] = [new MemoryDisk(), new MemoryDisk()]
    const { journal: writer } = await writtenOn(origin)
    const { journal: copy, events } = await openOn(replica, { node: 'b', epoch: epochB, ...small })
    await copy.replicate(id, viewOf(writer, id).read(0, 1e6))
    const held = replica.snapshot(folderOf(id)).get('00000000000000000000.log')
    await copy.beginAt(id, 9)
    const aside = events.find((event) => event.kind === 'begunAnew')?.folder
    assert.ok(aside)
    assert.deepEqual(replica.snapshot(aside).get('00000000000000000000.log'), held)
    await copy.close()
    await writer.close()
  })

  test('is never this run’s own', async () => {
    const { journal } = await writtenOn(new MemoryDisk())
    await assert.rejects(journal.beginAt(id, 99), hasCode('LOG_DIVERGED'))
    await journal.close()
  })
})

describe('a deletion', () => {
  test('hides at once what was written before it, to the frame, and nothing that comes after', async () => {
    const disk = new MemoryDisk()
    const { journal } = await writtenOn(disk, 4)
    const deletedAt = journal.timestamp()
    await appendAll(journal, 'orders', ['later'])
    const log = viewOf(journal, id)
    journal.rule('orders', { ...rules, deletedAt })
    assert.deepEqual([log.start, log.end], [4, 5])
    assert.throws(() => log.read(3, 100), hasCode('OFFSET_TRIMMED'))
    assert.equal(readAll(log).length, 1)
    await journal.close()
  })

  test('hides in a copy what arrives after it and was written before it', async () => {
    const [origin, replica] = [new MemoryDisk(), new MemoryDisk()]
    const { journal: writer } = await writtenOn(origin)
    const deletedAt = writer.timestamp()
    const { journal: copy } = await openOn(replica, { node: 'b', epoch: epochB })
    copy.rule('orders', { ...rules, deletedAt })
    await copy.replicate(id, viewOf(writer, id).read(0, 1e6))
    const log = viewOf(copy, id)
    assert.equal(log.start, log.end)
    while (log.end < 10) await copy.replicate(id, viewOf(writer, id).read(log.end, 1e6))
    assert.equal(log.start, log.end)
    await writer.append('orders', batchOf('later'), 1)
    await copy.replicate(id, viewOf(writer, id).read(10, 1e6))
    assert.deepEqual([log.start, log.end, logKey(log.id)], [10, 11, logKey(id)])
    await copy.close()
    await writer.close()
  })

  test('from a clock that is far ahead does not take what is written after it', async () => {
    const { journal } = await writtenOn(new MemoryDisk(), 2)
    const deletedAt = journal.timestamp() + (3_600_000n << 16n)
    journal.rule('orders', { ...rules, deletedAt })
    const first = await journal.append('orders', batchOf('later'), 1)
    const second = await journal.append('orders', batchOf('later still'), 1)
    assert.ok(first.timestamp > deletedAt && second.timestamp >= first.timestamp)
    assert.deepEqual([viewOf(journal, id).start, viewOf(journal, id).end], [2, 4])
    await journal.close()
  })
})

test('a topic’s size of segments counts from the next segment on', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk)
  await appendAll(journal, 'orders', values(3))
  journal.rule('orders', { ...rules, segmentMaxBytes: 200 })
  await appendAll(journal, 'orders', values(3))
  assert.deepEqual(
    journal.segments('orders')[0]!.segments.map(({ base }) => base),
    [0, 3, 4, 5],
  )
  await journal.close()
})
