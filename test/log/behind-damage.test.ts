import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goodAgain } from '../../src/log/behind-damage.ts'
import { frameHeaderBytes, framesIn } from '../../src/log/frame.ts'
import { sourceOfBytes } from '../../src/log/scan.ts'
import { MemoryDisk } from './memory-disk.ts'
import { appendAll, bytesOf, folderOf, hasCode, idOf, openOn, readAll, viewOf } from './scenery.ts'

const id = idOf('orders')
const path = `${folderOf(id)}/${'0'.repeat(20)}.log`
/** In a frame's header; see `frame.ts`. */
const [lengthAt, countAt, timestampAt] = [20, 24, 40]

async function written(count = 45) {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk)
  const deletedAt: bigint[] = []
  for (let n = 0; n < count; n++) {
    await appendAll(journal, 'orders', [`value ${n}`])
    deletedAt.push(journal.timestamp())
  }
  const log = viewOf(journal, id)
  return { disk, journal, log, deletedAt, frames: readAll(log) }
}

/** Turns a bit of the frame that has this offset. */
function rot(disk: MemoryDisk, frames: ReturnType<typeof readAll>, offset: number, at: number): void {
  const position = bytesOf(frames.slice(0, offset)).length + at
  const file = disk.open(path, 'write')
  file.write(Uint8Array.of(disk.readFile(path)[position]! ^ 1), position)
  file.close()
}

for (const [what, at] of [
  ['its length', lengthAt],
  ['its count of records', countAt],
  ['its body', frameHeaderBytes],
] as const) {
  test(`a frame with a wrong bit in ${what} hides none of those behind it, by whatever cursor they are asked for`, async () => {
    const { disk, journal, log, frames } = await written()
    rot(disk, frames, 22, at)
    for (let offset = 44; offset > 22; offset--) {
      assert.deepEqual(bytesOf([...framesIn(log.read(offset, 1))]), bytesOf([frames[offset]!]), `${offset}`)
    }
    assert.throws(() => log.read(22, 1000), hasCode('DATA_CORRUPT'))
    assert.equal([...framesIn(log.read(0, 1_000_000))].length, 22)
    await journal.close()
  })
}

test('a deletion finds where it ends although the frame that it looks at is damaged', async () => {
  for (const at of [lengthAt, countAt, timestampAt, frameHeaderBytes]) {
    for (const last of [10, 21, 34]) {
      const { disk, journal, log, frames, deletedAt } = await written()
      rot(disk, frames, 22, at)
      journal.rule('orders', { segmentMaxBytes: 1_000_000, deletedAt: deletedAt[last]!, expires: true })
      // When the damaged one was written nobody knows: it is there where what is before it is.
      const start = last === 21 ? 23 : last + 1
      assert.deepEqual([log.start, log.end], [start, 45], `byte ${at}, deleted up to ${last}`)
      await journal.close()
    }
  }
})

test('bytes of a record that imitate frames lead nowhere', async () => {
  const { journal, frames } = await written(4)
  const imitation = bytesOf(frames.slice(1, 3))
  const bytes = Buffer.concat([imitation, Buffer.from('more of the record'), bytesOf(frames.slice(3))])
  const position = bytes.length - frames[3]!.bytes.length
  assert.deepEqual(goodAgain(sourceOfBytes(bytes), 0, 4), { offset: 3, position })
  assert.equal(goodAgain(sourceOfBytes(bytes.subarray(0, -1)), 0, 4), undefined)
  await journal.close()
})
