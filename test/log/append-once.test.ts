import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Journal } from '../../src/log/journal.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  batchOf,
  bytesOf,
  epochA,
  epochB,
  epochC,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  viewOf,
} from './scenery.ts'

const id = new Uint8Array(16).fill(1)
const other = new Uint8Array(16).fill(2)

interface Send {
  producer?: Uint8Array
  skips?: boolean
  topic?: string
}

/** One record, or several. */
function send(journal: Journal, sequence: number, value: string | string[], options: Send = {}) {
  const { producer = id, skips = false, topic = 'orders' } = options
  const values = typeof value === 'string' ? [value] : value
  return journal.append(topic, batchOf(...values), values.length, { id: producer, sequence, skips })
}

function stored(journal: Journal, topic = 'orders') {
  return journal.topicLogs(topic).flatMap((log) =>
    readAll(log).map(({ baseOffset, body, producer }) => ({
      at: `${log.id.origin}/${log.id.epoch.at(-1)}/${baseOffset}`,
      body: Buffer.from(body).toString('hex'),
      sequence: producer?.sequence,
    })),
  )
}

describe('a batch that is sent again', () => {
  test('is answered with where it lies, and not appended', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const first = await send(journal, 0, ['one', 'two'])
    const next = await send(journal, 2, 'three')
    assert.equal(first.duplicate, undefined)
    assert.deepEqual(await send(journal, 0, ['one', 'two']), { ...first, duplicate: true })
    assert.deepEqual(await send(journal, 2, 'three'), { ...next, duplicate: true })
    assert.equal(viewOf(journal, idOf('orders')).end, 3)
    assert.equal((await send(journal, 0, ['one', 'two'], { producer: other })).baseOffset, 3)
    assert.equal((await send(journal, 0, ['one', 'two'], { topic: 'payments' })).baseOffset, 0)
  })

  test('while the first still waits for the disk shares its outcome: one append, whatever becomes of it', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await send(journal, 0, 'zero')
    disk.holdSyncs()
    const sends = [1, 1, 2, 1, 2].map((sequence) => send(journal, sequence, `${sequence}`))
    await disk.syncHeld()
    sends.push(send(journal, 1, '1'))
    await assert.rejects(send(journal, 1, 'else'), hasCode('PRODUCER_CONFLICT'))
    disk.releaseSyncs()
    assert.deepEqual(
      (await Promise.all(sends)).map(({ baseOffset, duplicate = false }) => [baseOffset, duplicate]),
      [
        [1, false],
        [1, true],
        [2, false],
        [1, true],
        [2, true],
        [1, true],
      ],
    )
    assert.equal(viewOf(journal, idOf('orders')).end, 3)
  })

  test('after a full disk refused it is appended like new, and what followed it too', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await send(journal, 0, 'zero')
    disk.fail('write', 'ENOSPC')
    for (const outcome of await Promise.allSettled([1, 1, 2].map((n) => send(journal, n, `${n}`)))) {
      assert.ok(outcome.status === 'rejected' && hasCode('DISK_FULL')(outcome.reason))
    }
    await assert.rejects(send(journal, 2, '2'), hasCode('PRODUCER_OUT_OF_ORDER'))
    assert.equal((await send(journal, 1, '1')).duplicate, undefined)
    assert.equal((await send(journal, 2, '2')).baseOffset, 2)
  })

  test('with other records is a conflict, in the same number of them or not', async () => {
    const { journal } = await openOn(new MemoryDisk())
    await send(journal, 0, ['one', 'two'])
    for (const values of [['one', 'TWO'], ['one', 'two!'], ['one'], ['one', 'two', 'three']]) {
      await assert.rejects(send(journal, 0, values), hasCode('PRODUCER_CONFLICT'))
    }
    assert.equal(viewOf(journal, idOf('orders')).end, 2)
  })

  test('is not taken for stored where its copy is damaged', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await send(journal, 0, 'one')
    const path = `${folderOf(idOf('orders'))}/00000000000000000000.log`
    disk.open(path, 'write').write(Uint8Array.of(0xff), 75)
    await assert.rejects(send(journal, 0, 'one'), hasCode('DATA_CORRUPT'))
  })
})

describe('after a restart', () => {
  for (const [what, settings, lose] of [
    ['from one segment', {}, () => {}],
    ['from the indexes of many segments', { segmentMaxBytes: 300 }, () => {}],
    [
      'from the frames where the indexes are lost',
      { segmentMaxBytes: 300 },
      (disk: MemoryDisk) => {
        const folder = folderOf(idOf('orders'))
        for (const name of disk.snapshot(folder).keys()) {
          if (name.endsWith('.index')) disk.removeFile(`${folder}/${name}`)
        }
      },
    ],
  ] as const) {
    test(`what was sent before is known ${what}`, async () => {
      const disk = new MemoryDisk()
      const before = await openOn(disk, { settings })
      const firsts = []
      for (let n = 0; n < 20; n++) {
        firsts.push(await send(before.journal, n, `value ${n}`))
        await send(before.journal, n, `other ${n}`, { producer: other })
      }
      disk.abandon()
      lose(disk)
      const { journal } = await openOn(disk, { epoch: epochB, settings })
      for (const [n, first] of firsts.entries()) {
        assert.deepEqual(await send(journal, n, `value ${n}`), { ...first, duplicate: true })
      }
      await assert.rejects(send(journal, 3, 'else'), hasCode('PRODUCER_CONFLICT'))
      const { log, baseOffset } = await send(journal, 20, 'value 20')
      assert.deepEqual([log.epoch, baseOffset], [epochB, 0])
      assert.equal((await send(journal, 7, 'other 7', { producer: other })).duplicate, true)
      disk.crash()
      const again = await openOn(disk, { epoch: epochC, settings })
      assert.equal((await send(again.journal, 20, 'value 20')).log.epoch, epochB)
      assert.equal((await send(again.journal, 0, 'value 0')).log.epoch, epochA)
      assert.equal(stored(again.journal).length, 41)
    })
  }

  test('a tail that was never acknowledged and is gone is simply appended when it comes again', async () => {
    const disk = new MemoryDisk()
    const before = await openOn(disk)
    await send(before.journal, 0, 'zero')
    disk.holdSyncs()
    void send(before.journal, 1, 'one')
    await disk.syncHeld()
    disk.crash()
    const { journal } = await openOn(disk, { epoch: epochB })
    assert.equal((await send(journal, 0, 'zero')).duplicate, true)
    assert.deepEqual((await send(journal, 1, 'one')).log.epoch, epochB)
    assert.deepEqual(
      stored(journal).map(({ at, sequence }) => [at, sequence]),
      [
        ['a/a/0', 0],
        ['a/b/0', 1],
      ],
    )
  })
})

describe('on another node', () => {
  test('the copy of a log answers for its origin, and what the copy lacks is appended', async () => {
    const a = await openOn(new MemoryDisk())
    const diskB = new MemoryDisk()
    const b = await openOn(diskB, { node: 'b', epoch: epochB })
    const first = await send(a.journal, 0, 'zero')
    const second = await send(a.journal, 1, 'one')
    const frames = readAll(viewOf(a.journal, idOf('orders')))
    await b.journal.replicate(idOf('orders'), bytesOf(frames.slice(0, 1)))

    assert.deepEqual(await send(b.journal, 0, 'zero'), { ...first, duplicate: true })
    const failedOver = await send(b.journal, 1, 'one')
    assert.deepEqual([failedOver.log.origin, failedOver.duplicate], ['b', undefined])
    assert.equal((await send(b.journal, 2, 'two')).baseOffset, 1)

    // Now the rest of the first log arrives: the batch lies in both, and its own log's answer comes first.
    await b.journal.replicate(idOf('orders'), bytesOf(frames))
    assert.deepEqual(await send(b.journal, 1, 'one'), { ...failedOver, duplicate: true })
    diskB.crash()
    const again = await openOn(diskB, { node: 'b', epoch: epochC })
    assert.deepEqual(await send(again.journal, 1, 'one'), { ...second, duplicate: true })
    assert.equal((await send(again.journal, 2, 'two')).log.epoch, epochB)
  })

  test('a copy that is on its way to the disk answers, too, once it is there, or fails', async () => {
    const a = await openOn(new MemoryDisk())
    const disk = new MemoryDisk()
    const b = await openOn(disk, { node: 'b', epoch: epochB })
    const first = await send(a.journal, 0, 'zero')
    await send(a.journal, 1, 'one', { producer: other })
    const second = await send(a.journal, 1, 'one')
    const frames = readAll(viewOf(a.journal, idOf('orders')))
    const arrived = b.journal.replicate(idOf('orders'), bytesOf(frames))
    assert.equal(b.journal.log(idOf('orders')), undefined)
    const again = [send(b.journal, 0, 'zero'), send(b.journal, 1, 'one')]
    await assert.rejects(send(b.journal, 0, 'another'), hasCode('PRODUCER_CONFLICT'))
    // A producer that never was here may leave out what it has sent elsewhere.
    const next = send(b.journal, 2, 'two')
    assert.deepEqual(await Promise.all(again), [
      { ...first, duplicate: true },
      { ...second, duplicate: true },
    ])
    assert.equal(await arrived, 3)
    assert.equal((await next).log.origin, 'b')
    assert.deepEqual(await send(b.journal, 0, 'zero'), { ...first, duplicate: true })
  })

  test('a copy that its disk refused had nothing: what waited for it is refused, and appended when it comes again', async () => {
    const a = await openOn(new MemoryDisk())
    const disk = new MemoryDisk()
    const b = await openOn(disk, { node: 'b', epoch: epochB })
    await send(a.journal, 0, 'zero')
    disk.fail('write', 'ENOSPC')
    const arrived = b.journal.replicate(idOf('orders'), bytesOf(readAll(viewOf(a.journal, idOf('orders')))))
    const again = send(b.journal, 0, 'zero')
    await assert.rejects(arrived, hasCode('DISK_FULL'))
    await assert.rejects(again, hasCode('DISK_FULL'))
    assert.equal((await send(b.journal, 0, 'zero')).log.origin, 'b')
  })

  test('a copy is byte-identical, the marks of its producers and its indexes included', async () => {
    const settings = { segmentMaxBytes: 400, indexIntervalBytes: 150 }
    const [diskA, diskB] = [new MemoryDisk(), new MemoryDisk()]
    const a = await openOn(diskA, { settings })
    const b = await openOn(diskB, { node: 'b', epoch: epochB, settings })
    for (let n = 0; n < 30; n++) await send(a.journal, n, `${n}`, { producer: n % 3 === 0 ? id : other, skips: true })
    const frames = readAll(viewOf(a.journal, idOf('orders')))
    for (const part of [frames.slice(0, 7), frames.slice(7)]) await b.journal.replicate(idOf('orders'), bytesOf(part))
    assert.deepEqual(diskB.snapshot(folderOf(idOf('orders'))), diskA.snapshot(folderOf(idOf('orders'))))
  })
})
