import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LogView } from '../../src/log/journal.ts'
import { MemoryDisk } from './memory-disk.ts'
import { appendAll, batchOf, dataDir, epochB, folderOf, hasCode, idOf, openOn, readAll, viewOf } from './scenery.ts'

describe('appending', () => {
  test('a record is readable with the id and the bytes it was acknowledged with', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const batch = batchOf('one', 'two')
    const first = await journal.append('orders', batch, 2)
    const second = await journal.append('orders', batchOf('three'), 1)
    assert.deepEqual([first.baseOffset, first.recordCount, first.endOffset], [0, 2, 2])
    assert.equal(second.baseOffset, 2)
    assert.deepEqual(first.log, idOf('orders'))
    assert.ok(second.timestamp > first.timestamp)
    const log = viewOf(journal, idOf('orders'))
    const frames = readAll(log)
    assert.deepEqual(
      frames.map((frame) => frame.baseOffset),
      [0, 2],
    )
    assert.deepEqual(frames[0]?.body, batch)
    assert.equal(frames[1]?.timestamp, second.timestamp)
    assert.deepEqual([log.own, log.start, log.end], [true, 0, 3])
    assert.equal(
      log.bytes,
      frames.reduce((sum, frame) => sum + frame.bytes.length, 0),
    )
    await journal.close()
  })

  test('the first append creates the topic, and its folder outlives a power cut', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    assert.deepEqual(journal.topics(), [])
    assert.equal(journal.log(idOf('orders')), undefined)
    await journal.append('orders', batchOf('one'), 1)
    assert.deepEqual(journal.topics(), ['orders'])
    disk.crash()
    const { journal: next, events } = await openOn(disk, { epoch: epochB })
    assert.equal(viewOf(next, idOf('orders')).end, 1)
    assert.deepEqual(events, [])
  })

  test('nothing is visible or acknowledged before the sync is done', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await journal.append('orders', batchOf('one'), 1)
    const log = viewOf(journal, idOf('orders'))
    const chain = log.chain
    let acknowledged = false
    let commits = 0
    journal.onCommit(() => commits++)
    disk.holdSyncs()
    const append = journal.append('orders', batchOf('two'), 1).then(() => {
      acknowledged = true
    })
    await disk.syncHeld()
    assert.ok((disk.stat(`${folderOf(log.id)}/00000000000000000000.log`)?.bytes ?? 0) > log.bytes, 'it is written')
    assert.deepEqual([acknowledged, commits, log.end, log.chain], [false, 0, 1, chain])
    assert.equal(log.read(1, 1000).length, 0)
    assert.equal(log.chainAt(2), undefined)
    disk.releaseSyncs()
    await append
    assert.deepEqual([commits, log.end], [1, 2])
    assert.ok(log.read(1, 1000).length > 0)
  })

  test('all that wait during one sync share the next one', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await journal.append('orders', batchOf('begin'), 1)
    disk.holdSyncs()
    const first = journal.append('orders', batchOf('alone'), 1)
    await disk.syncHeld()
    const before = disk.syncs
    const others = Array.from({ length: 50 }, (_, n) => journal.append('orders', batchOf(`${n}`), 1))
    let commits = 0
    journal.onCommit(() => commits++)
    disk.releaseSyncs()
    await first
    const acks = await Promise.all(others)
    assert.equal(disk.syncs - before, 1)
    assert.equal(commits, 2)
    assert.deepEqual(
      acks.map((ack) => ack.baseOffset),
      acks.map((_, n) => n + 2),
    )
  })

  test('appends of one turn share a sync from the start', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await Promise.all(Array.from({ length: 20 }, (_, n) => journal.append('orders', batchOf(`${n}`), 1)))
    assert.equal(disk.syncs, 1)
  })

  test('a group does not outgrow its limit', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { groupMaxBytes: 300 } })
    await Promise.all(Array.from({ length: 6 }, () => journal.append('orders', batchOf('x'.repeat(50)), 1)))
    assert.equal(disk.calls.filter((call) => call.startsWith('write')).length, 2)
    assert.equal(disk.syncs, 1)
  })

  test('with durability os nothing is synced', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { durability: 'os' } })
    await journal.append('orders', batchOf('one'), 1)
    assert.equal(disk.syncs, 0)
    assert.equal(viewOf(journal, idOf('orders')).end, 1)
  })

  test('with durability os a segment is synced when the next one begins', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { durability: 'os', segmentMaxBytes: 200 } })
    await appendAll(journal, 'orders', ['x'.repeat(100), 'y'.repeat(100)])
    assert.equal(disk.syncs, 1)
    disk.fail('sync', 'EIO')
    await assert.rejects(journal.append('orders', batchOf('z'.repeat(100)), 1), hasCode('DISK_FAILED'))
    await assert.rejects(journal.append('orders', batchOf('z'), 1), hasCode('LOG_FAILED'))
  })

  test('a listener that throws breaks neither the commit nor the other listeners', async () => {
    const { journal, events } = await openOn(new MemoryDisk())
    const seen: number[] = []
    journal.onCommit(() => {
      throw new Error('broken listener')
    })
    const stop = journal.onCommit((log) => seen.push(log.end))
    await appendAll(journal, 'orders', ['one', 'two'])
    stop()
    await appendAll(journal, 'orders', ['three'])
    assert.deepEqual(seen, [1, 2])
    assert.equal(events.length, 3)
    assert.equal(events[0]?.kind, 'listenerFailed')
  })

  test('more than may wait is refused, and taken again later', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { pendingMaxBytes: 300 } })
    disk.holdSyncs()
    const taken = [1, 2].map((n) => journal.append('orders', batchOf(`${n}`.repeat(100)), 1))
    await assert.rejects(journal.append('payments', batchOf('x'.repeat(100)), 1), hasCode('OVERLOADED'))
    disk.releaseSyncs()
    await Promise.all(taken)
    await journal.append('payments', batchOf('x'.repeat(100)), 1)
  })

  test('what comes from peers and waits for the disk takes no room from what is written here', async () => {
    const elsewhere = await openOn(new MemoryDisk(), { node: 'b', epoch: epochB })
    await appendAll(elsewhere.journal, 'orders', ['x'.repeat(300), 'x'.repeat(300)])
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk, { settings: { pendingMaxBytes: 400 } })
    disk.holdSyncs()
    const copied = readAll(elsewhere.journal.logs()[0] as LogView).map(({ bytes }) =>
      journal.replicate(idOf('orders', 'b', epochB), bytes),
    )
    const written = journal.append('orders', batchOf('one'), 1)
    disk.releaseSyncs()
    await Promise.all([...copied, written])
  })

  test('a batch the format cannot hold is refused', async () => {
    const { journal } = await openOn(new MemoryDisk())
    await assert.rejects(journal.append('orders', new Uint8Array(16 * 1024 * 1024 + 1), 1), hasCode('BATCH_TOO_LARGE'))
  })

  test('unsafe topics are refused and touch nothing', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    const before = disk.snapshot('/host')
    for (const topic of ['../x', '__proto__', '', 'a\0b', 'x'.repeat(300), 'CON', '.', '..', '/etc', 'a/b']) {
      await assert.rejects(journal.append(topic, batchOf('one'), 1), hasCode('TOPIC_NAME_INVALID'))
    }
    assert.deepEqual(disk.snapshot('/host'), before)
    assert.deepEqual(journal.topics(), [])
  })
})

describe('the life of a journal', () => {
  test('close waits for what waits for the disk and refuses the rest', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    disk.holdSyncs()
    const append = journal.append('orders', batchOf('one'), 1)
    let closed = false
    const closing = journal.close().then(() => {
      closed = true
    })
    await disk.syncHeld()
    assert.equal(closed, false)
    await assert.rejects(journal.append('orders', batchOf('two'), 1), hasCode('NODE_STOPPING'))
    await assert.rejects(journal.replicate(idOf('orders', 'b'), new Uint8Array(1)), hasCode('NODE_STOPPING'))
    const log = journal.logs()
    assert.deepEqual(log, [])
    disk.releaseSyncs()
    assert.equal((await append).endOffset, 1)
    await closing
    assert.equal(disk.openFiles, 0)
    assert.throws(() => viewOf(journal, idOf('orders')).read(0, 100), hasCode('NODE_STOPPING'))
  })

  test('two journals cannot hold one folder', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await assert.rejects(openOn(disk, { epoch: epochB }), hasCode('DATA_DIR_LOCKED'))
    await journal.close()
    const { journal: next } = await openOn(disk, { epoch: epochB })
    await next.close()
  })

  test('a run never goes on with the epoch of an earlier one', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await journal.append('orders', batchOf('one'), 1)
    await journal.close()
    await assert.rejects(openOn(disk), hasCode('DATA_DIR_UNUSABLE'))
    const { journal: next } = await openOn(disk, { epoch: epochB })
    assert.equal(viewOf(next, idOf('orders')).own, false)
    await next.append('orders', batchOf('two'), 1)
    assert.deepEqual(
      next.topicLogs('orders').map((log) => [log.id.epoch, log.own, log.end]),
      [
        [idOf('orders').epoch, false, 1],
        [epochB, true, 1],
      ],
    )
  })

  test('timestamps go on behind those of the runs before', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    await appendAll(journal, 'orders', ['1', '2', '3'])
    const { timestamp } = await journal.append('orders', batchOf('4'), 1)
    await journal.close()
    const { journal: next } = await openOn(disk, { epoch: epochB })
    assert.ok((await next.append('orders', batchOf('5'), 1)).timestamp > timestamp)
  })

  test('an unusable folder and an unusable name are said so', async () => {
    const disk = new MemoryDisk()
    disk.fail('makeFolder', 'EACCES')
    await assert.rejects(openOn(disk), hasCode('DATA_DIR_UNUSABLE'))
    await assert.rejects(openOn(new MemoryDisk(), { node: '../a' }), hasCode('NODE_NAME_INVALID'))
  })

  test('strangers in the folder are named once and left alone', async () => {
    const disk = new MemoryDisk()
    const strangers = [
      'topics/notes.txt',
      'topics/orders/notes.txt',
      'topics/.hidden/x',
      'topics/orders/a/not-an-epoch/x',
      `topics/orders/a/${epochB}/notes.txt`,
      `topics/orders/a/${epochB}/99999999999999999999.log`,
    ]
    for (const path of strangers) disk.put(`${dataDir}/${path}`, new Uint8Array([1]))
    disk.put(`${dataDir}/keyring.json`, new Uint8Array([1]))
    disk.put(`${dataDir}/format`, new TextEncoder().encode('reeve 2\n'))
    const before = disk.snapshot(dataDir)
    const { journal, events } = await openOn(disk)
    assert.deepEqual(disk.snapshot(dataDir), before)
    assert.deepEqual(journal.logs(), [])
    assert.deepEqual(
      events.map((event) => event.kind === 'ignored' && event.path.slice(dataDir.length + 1)).sort(),
      [
        'topics/.hidden',
        'topics/notes.txt',
        'topics/orders/a/not-an-epoch',
        `topics/orders/a/${epochB}/99999999999999999999.log`,
        `topics/orders/a/${epochB}/notes.txt`,
        'topics/orders/notes.txt',
      ].sort(),
    )
  })

  test('where names differ only by case and the disk does not tell them apart, the second is refused', async () => {
    const disk = new MemoryDisk()
    const folding = Object.assign(Object.create(disk) as MemoryDisk, {
      makeFolder: (path: string) => disk.makeFolder(path.replace('/ORDERS', '/orders')),
      open: (path: string, mode: 'read' | 'write') => disk.open(path.replace('/ORDERS', '/orders'), mode),
    })
    for (const method of ['list', 'stat', 'syncFolder', 'lockFolder', 'removeFile', 'rename', 'replaceFile'] as const) {
      Object.assign(folding, { [method]: disk[method].bind(disk) })
    }
    const { journal } = await openOn(folding)
    await journal.append('orders', batchOf('one'), 1)
    await assert.rejects(journal.append('ORDERS', batchOf('two'), 1), hasCode('TOPIC_NAME_INVALID'))
    assert.equal(readAll(viewOf(journal, idOf('orders'))).length, 1)
  })
})
