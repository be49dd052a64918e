import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskFile } from '../../src/env/env.ts'
import { MemoryDisk } from './memory-disk.ts'
import { batchOf, bytesOf, epochB, folderOf, hasCode, idOf, openOn, readAll, viewOf } from './scenery.ts'

const id = idOf('orders')
const path = `${folderOf(id)}/00000000000000000000.log`
const segmentMaxBytes = 64 * 1024
/** All 524,288 take minutes: `EVERY_BIT=1 npm test -- every-bit --test-timeout=3600000`. */
const stepBits = process.env.EVERY_BIT === '1' ? 1 : 1009

/** What is set aside goes nowhere: half a million copies are not kept. */
class ForgetfulDisk extends MemoryDisk {
  override stat(at: string) {
    return at.includes('.quarantined-') ? undefined : super.stat(at)
  }

  override makeFolder(at: string): void {
    if (!at.includes('.quarantined-')) super.makeFolder(at)
  }

  override open(at: string, mode: 'read' | 'write'): DiskFile {
    return at.includes('.quarantined-') ? this.#sink : super.open(at, mode)
  }

  override async syncFolder(at: string): Promise<void> {
    if (!at.includes('.quarantined-')) await super.syncFolder(at)
  }

  readonly #sink: DiskFile = {
    ...{ path: '', size: () => 0, read: () => 0, write: () => {}, truncate: () => {}, close: () => {} },
    cold: false,
    fetch: () => Promise.resolve(),
    sync: () => Promise.resolve(),
  }
}

test('whatever bit of a segment of 64 KiB flips is noticed, is not served, and is mended from a peer', async () => {
  const disk = new ForgetfulDisk()
  const settings = { segmentMaxBytes, indexIntervalBytes: 4096 }
  const { journal, events } = await openOn(disk, { settings })
  // Of all sizes, and at last one that fills the segment to the byte.
  for (let n = 0, left = segmentMaxBytes; left > 0; n++) {
    // A frame's header, and tags and lengths of one record with one value.
    const size = left > 3000 ? 1 + ((n * 389) % 2000) : left - 72 - 6
    const batch = batchOf('x'.repeat(size))
    await journal.append('orders', batch, 1)
    left -= 72 + batch.length
  }
  await journal.append('orders', batchOf('in the next segment'), 1)
  const log = viewOf(journal, id)
  const peer = (await openOn(new MemoryDisk(), { node: 'b', epoch: epochB, settings })).journal
  const frames = readAll(log)
  await peer.replicate(id, bytesOf(frames))
  const good = disk.snapshot(folderOf(id)).get('00000000000000000000.log') as Uint8Array
  assert.equal(good.length, segmentMaxBytes)
  const copy = viewOf(peer, id)

  let healed = 0
  let position = 0
  for (const frame of frames.slice(0, -1)) {
    const { baseOffset, bytes } = frame
    const first = Math.ceil((position * 8) / stepBits) * stepBits
    position += bytes.length
    for (let bit = first; bit < position * 8; bit += stepBits) {
      const at = bit >> 3
      const file = disk.open(path, 'write')
      file.write(Uint8Array.of((good[at] as number) ^ (1 << (bit & 7))), at)
      file.close()

      assert.throws(() => log.read(baseOffset, 1), hasCode('DATA_CORRUPT'), `bit ${bit}`)
      if (baseOffset > 0) {
        const served = log.read(0, segmentMaxBytes)
        assert.ok(served.length <= at && Buffer.compare(served, good.subarray(0, served.length)) === 0, `bit ${bit}`)
      }

      const [damage] = journal.soundness.damages()
      const mend = damage && journal.soundness.mend(damage)
      assert.ok(damage && mend)
      await mend.open()
      for (;;) {
        while (mend.advance());
        const { missing } = mend
        if (!missing) break
        if (!(await mend.rescue())) await mend.take(copy.read(missing.offset, 1))
      }
      await mend.finish()
      journal.soundness.mended(damage, mend)
      mend.close()

      assert.equal(mend.writtenBytes, bytes.length, `bit ${bit}`)
      const now = disk.readFile(path)
      assert.equal(Buffer.compare(now, good), 0, `bit ${bit}`)
      assert.equal(log.read(baseOffset, 1).length, bytes.length, `bit ${bit}`)
      healed++
      disk.calls.length = 0
      assert.equal(events.splice(0).length, 2, `bit ${bit}`)
    }
  }
  assert.equal(healed, Math.ceil((segmentMaxBytes * 8) / stepBits))
})
