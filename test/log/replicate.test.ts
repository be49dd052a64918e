import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, type Frame } from '../../src/log/frame.ts'
import { MemoryDisk } from './memory-disk.ts'
import {
  appendAll,
  batchOf,
  bytesOf,
  epochA,
  epochB,
  folderOf,
  hasCode,
  idOf,
  openOn,
  readAll,
  viewOf,
} from './scenery.ts'

const id = idOf('orders')

/** A log of node a, and an empty node b. */
async function twoNodes(values: string[], segmentMaxBytes = 1024 * 1024) {
  const diskA = new MemoryDisk()
  const diskB = new MemoryDisk()
  const settings = { segmentMaxBytes, indexIntervalBytes: 150 }
  const a = await openOn(diskA, { settings })
  await appendAll(a.journal, 'orders', values)
  const b = await openOn(diskB, { node: 'b', epoch: epochB, settings })
  return { diskA, diskB, a: a.journal, b: b.journal, frames: readAll(viewOf(a.journal, id)) }
}

/** A frame that fits behind `before`, as only the origin could have made it. */
function forged(before: Frame, body: Uint8Array, recordCount = 1): Uint8Array {
  const baseOffset = before.baseOffset + before.recordCount
  return encodeFrame({ baseOffset, recordCount, timestamp: 1n, previousChain: before.chain, body }).bytes
}

describe('a copy', () => {
  test('fed in any portions becomes byte-identical, files, segments and indexes', async () => {
    const values = Array.from({ length: 40 }, (_, n) => `${n}`.repeat(1 + (n % 7) * 9))
    const { diskA, a, frames } = await twoNodes(values, 700)
    assert.ok(diskA.snapshot(folderOf(id)).size > 10)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40, maxLength: 40 }), async (portions) => {
        const disk = new MemoryDisk()
        const settings = { segmentMaxBytes: 700, indexIntervalBytes: 150 }
        const { journal } = await openOn(disk, { node: 'b', epoch: epochB, settings })
        const ends: Promise<number>[] = []
        for (let at = 0, n = 0; at < frames.length; at += portions[n++] ?? 1) {
          ends.push(journal.replicate(id, bytesOf(frames.slice(at, at + (portions[n] ?? 1)))))
          if (n % 3 === 0) await ends.at(-1)
        }
        assert.equal(await ends.at(-1), values.length)
        assert.deepEqual(disk.snapshot(folderOf(id)), diskA.snapshot(folderOf(id)))
        const log = viewOf(journal, id)
        assert.deepEqual([log.own, log.chain, log.bytes], [false, viewOf(a, id).chain, viewOf(a, id).bytes])
      }),
      { numRuns: 30 },
    )
  })

  test('waits for its sync too, and appears with its first frame', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two'])
    const seen: [string, number][] = []
    b.onCommit((log) => seen.push([log.key, log.end]))
    diskB.holdSyncs()
    const end = b.replicate(id, bytesOf(frames))
    await diskB.syncHeld()
    assert.equal(b.log(id), undefined)
    diskB.releaseSyncs()
    assert.equal(await end, 2)
    assert.deepEqual(seen, [[`orders/a/${epochA}`, 2]])
    assert.deepEqual(b.topics(), ['orders'])
  })

  test('pushes this node’s clock ahead of what it read', async () => {
    const { b, frames } = await twoNodes(['one', 'two', 'three'])
    await b.replicate(id, bytesOf(frames))
    const { timestamp } = await b.append('answers', batchOf('later'), 1)
    assert.ok(timestamp > (frames.at(-1)?.timestamp ?? 0n))
  })

  test('given again what it holds, whole or overlapping, is as if told nothing', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two', 'three', 'four'])
    assert.equal(await b.replicate(id, bytesOf(frames.slice(0, 2))), 2)
    const before = diskB.snapshot(folderOf(id))
    assert.equal(await b.replicate(id, bytesOf(frames.slice(0, 2))), 2)
    assert.deepEqual(diskB.snapshot(folderOf(id)), before)
    assert.equal(await b.replicate(id, bytesOf(frames.slice(1, 3))), 3)
    assert.equal(await b.replicate(id, new Uint8Array(0)), 3)
    assert.deepEqual(bytesOf(readAll(viewOf(b, id))), bytesOf(frames.slice(0, 3)))
  })

  test('the same frames from two peers at once are taken once', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two', 'three', 'four'])
    diskB.holdSyncs()
    const first = b.replicate(id, bytesOf(frames.slice(0, 3)))
    await diskB.syncHeld()
    const both = [b.replicate(id, bytesOf(frames.slice(0, 3))), b.replicate(id, bytesOf(frames.slice(1)))]
    diskB.releaseSyncs()
    assert.deepEqual(await Promise.all([first, ...both]), [3, 3, 4])
    assert.equal(viewOf(b, id).end, 4)
    assert.deepEqual(bytesOf(readAll(viewOf(b, id))), bytesOf(frames))
  })

  test('goes on with another peer while what the first one sent waits for the disk, in the order of arrival', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two', 'three', 'four', 'five', 'six'])
    diskB.holdSyncs()
    const first = b.replicate(id, bytesOf(frames.slice(0, 2)))
    await diskB.syncHeld()
    // The other one was asked from the durable end on: its first message overlaps, the next ones follow it.
    const others = [frames.slice(0, 4), frames.slice(4, 5), frames.slice(5)].map((part) =>
      b.replicate(id, bytesOf(part)),
    )
    diskB.releaseSyncs()
    await Promise.all([first, ...others])
    assert.deepEqual(bytesOf(readAll(viewOf(b, id))), bytesOf(frames))
  })

  test('goes on in the next run where this one ended', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two', 'three'])
    await b.replicate(id, bytesOf(frames.slice(0, 2)))
    await b.close()
    const next = await openOn(diskB, { node: 'b', epoch: idOf('x').epoch.replace(/a$/, 'd') })
    assert.deepEqual(
      next.journal.logs().map((log) => [log.end, log.chain]),
      [[2, frames[1]?.chain]],
    )
    assert.equal(await next.journal.replicate(id, bytesOf(frames.slice(2))), 3)
  })

  test('of an own earlier run grows like any other', async () => {
    const { diskA, a, frames } = await twoNodes(['one', 'two'])
    await a.close()
    const next = await openOn(diskA, { epoch: epochB })
    const tail = forged(frames[1] as Frame, batchOf('three'))
    assert.equal(await next.journal.replicate(id, tail), 3)
  })
})

describe('refused, with nothing written', () => {
  const attempts: [string, string, (frames: Frame[]) => Uint8Array][] = [
    [
      'a frame with a flipped bit',
      'DATA_CORRUPT',
      (frames) => bytesOf(frames.slice(1)).map((byte, n) => (n === 90 ? byte ^ 1 : byte)),
    ],
    [
      'a frame it holds already, with a flipped bit',
      'DATA_CORRUPT',
      (frames) => bytesOf(frames).map((byte, n) => (n === 75 ? byte ^ 1 : byte)),
    ],
    ['frames cut short', 'DATA_CORRUPT', (frames) => bytesOf(frames.slice(1)).subarray(0, -1)],
    ['noise', 'DATA_CORRUPT', () => new Uint8Array(500).fill(7)],
    ['a gap', 'DATA_CORRUPT', (frames) => bytesOf(frames.slice(2))],
    ['frames in the wrong order', 'DATA_CORRUPT', (frames) => bytesOf([frames[2] as Frame, frames[1] as Frame])],
    [
      'other content where the copy has some',
      'LOG_DIVERGED',
      (frames) => {
        const previous = { baseOffset: -1, recordCount: 1, chain: 77n } as Frame
        return Buffer.concat([forged(previous, batchOf('other')), bytesOf(frames.slice(1))])
      },
    ],
    [
      'one frame where the copy has two',
      'LOG_DIVERGED',
      (frames) => {
        const previous = { baseOffset: -1, recordCount: 1, chain: 77n } as Frame
        return forged(previous, batchOf('one', 'two'), frames.length)
      },
    ],
    [
      'a frame that follows another one',
      'LOG_DIVERGED',
      (frames) => forged({ ...(frames[0] as Frame), chain: 99n }, batchOf('two')),
    ],
    [
      'a good frame and one that follows another',
      'LOG_DIVERGED',
      (frames) =>
        Buffer.concat([(frames[1] as Frame).bytes, forged({ ...(frames[1] as Frame), chain: 99n }, batchOf('x'))]),
    ],
    ['a body that is no batch', 'DATA_CORRUPT', (frames) => forged(frames[0] as Frame, Uint8Array.of(1, 2, 3))],
    ['a body of fewer records than it says', 'DATA_CORRUPT', (frames) => forged(frames[0] as Frame, batchOf('two'), 2)],
  ]
  for (const [what, code, make] of attempts) {
    test(what, async () => {
      const { diskB, b, frames } = await twoNodes(['one', 'two', 'three'])
      await b.replicate(id, bytesOf(frames.slice(0, 1)))
      const before = diskB.snapshot('/host')
      await assert.rejects(b.replicate(id, make(frames)), hasCode(code))
      assert.deepEqual(diskB.snapshot('/host'), before)
      assert.equal(viewOf(b, id).end, 1)
      assert.equal(await b.replicate(id, bytesOf(frames.slice(1))), 3, 'and good frames are still taken')
    })
  }

  test('this run’s own log, which nobody else writes', async () => {
    const { a, frames } = await twoNodes(['one'])
    await assert.rejects(a.replicate(id, forged(frames[0] as Frame, batchOf('two'))), hasCode('LOG_DIVERGED'))
    await assert.rejects(a.replicate(idOf('other'), bytesOf(frames)), hasCode('LOG_DIVERGED'))
  })

  test('a log whose name could leave the folder', async () => {
    const { diskB, b, frames } = await twoNodes(['one'])
    const before = diskB.snapshot('/host')
    await assert.rejects(b.replicate(idOf('../orders'), bytesOf(frames)), hasCode('TOPIC_NAME_INVALID'))
    await assert.rejects(b.replicate(idOf('orders', '..'), bytesOf(frames)), hasCode('NODE_NAME_INVALID'))
    await assert.rejects(b.replicate(idOf('orders', 'a', '../../x'), bytesOf(frames)), hasCode('REQUEST_MALFORMED'))
    assert.deepEqual(diskB.snapshot('/host'), before)
  })

  test('another log’s frames, however good', async () => {
    const { b, frames } = await twoNodes(['one'])
    await assert.rejects(b.replicate(idOf('payments'), bytesOf(frames)), hasCode('LOG_DIVERGED'))
    await assert.rejects(b.replicate(idOf('orders', 'c'), bytesOf(frames)), hasCode('LOG_DIVERGED'))
    assert.deepEqual(b.logs(), [])
  })

  test('on a full disk what was sent ahead is refused with it, and taken when there is space', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two', 'three'])
    await b.replicate(id, bytesOf(frames.slice(0, 1)))
    diskB.holdSyncs()
    diskB.fail('write', 'ENOSPC', { writtenBytes: 10 })
    const sent = frames.slice(1).map((frame) => b.replicate(id, frame.bytes))
    for (const one of sent) await assert.rejects(one, hasCode('DISK_FULL'))
    diskB.releaseSyncs()
    assert.equal(await b.replicate(id, bytesOf(frames.slice(1))), 3)
    assert.deepEqual(bytesOf(readAll(viewOf(b, id))), bytesOf(frames))
  })

  test('any bytes at all', async () => {
    const { diskB, b, frames } = await twoNodes(['one', 'two'])
    await b.replicate(id, bytesOf(frames.slice(0, 1)))
    const before = diskB.snapshot('/host')
    const spoilt = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
      const bytes = bytesOf(frames.slice(1)).slice()
      bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ by
      return bytes
    })
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 300 }), spoilt), async (bytes) => {
        await assert.rejects(b.replicate(id, bytes), hasCode('DATA_CORRUPT'))
      }),
    )
    assert.deepEqual(diskB.snapshot('/host'), before)
  })
})
