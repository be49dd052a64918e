import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createRealDisk } from '../../src/env/real-disk.ts'
import type { Frame } from '../../src/log/frame.ts'
import type { Journal } from '../../src/log/journal.ts'
import type { Missing } from '../../src/log/mend.ts'
import { appendAll, batchOf, bytesOf, epochB, epochC, folderOf, idOf, openOn, readAll, viewOf } from './scenery.ts'

const root = mkdtempSync(join(tmpdir(), 'reeve-set-aside-'))
after(() => rmSync(root, { recursive: true, force: true }))

const id = idOf('orders')
const disk = createRealDisk()
const values = Array.from({ length: 40 }, (_, n) => `value ${n} `.repeat(1 + (n % 5)))

/** A data folder whose node died before it saved an index, and what was in it. */
async function left(segmentMaxBytes = 1024 * 1024, records = values) {
  const dataDir = join(root, randomUUID())
  const { journal } = await openOn(disk, { dataDir, settings: { segmentMaxBytes } })
  await appendAll(journal, 'orders', records)
  const frames = readAll(viewOf(journal, id))
  await journal.close()
  const folder = folderOf(id, dataDir)
  for (const name of readdirSync(folder)) if (name.endsWith('.index')) rmSync(join(folder, name))
  return { dataDir, folder, frames, segments: segmentsIn(folder) }
}

function segmentsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .sort()
}

/** In the body of this frame. */
function flipIn(folder: string, frames: readonly Frame[], offset: number): void {
  const name = segmentsIn(folder).findLast((segment) => Number.parseInt(segment, 10) <= offset) as string
  const base = Number.parseInt(name, 10)
  const at = bytesOf(frames.slice(base, offset)).length + 80
  const bytes = readFileSync(join(folder, name))
  bytes[at] = (bytes[at] as number) ^ 4
  writeFileSync(join(folder, name), bytes)
}

const reopened = (dataDir: string, epoch = epochB) => openOn(disk, { dataDir, epoch })

/** As the node does it. `donor` has these frames and no others; gives what it was asked for. False: something is missing yet. */
async function takeBack(journal: Journal, donor: readonly Frame[] = []): Promise<{ done: boolean; asked: Missing[] }> {
  const asked: Missing[] = []
  let done = true
  for (const damage of journal.soundness.damages()) {
    const mend = journal.soundness.mend(damage)
    assert.ok(mend)
    await mend.open()
    for (;;) {
      while (mend.advance(500));
      const { missing } = mend
      if (!missing) break
      if (await mend.rescue()) continue
      asked.push(missing)
      const given = donor.filter(({ baseOffset }) => baseOffset >= missing.offset && baseOffset < missing.until)
      if (given[0]?.baseOffset !== missing.offset) break
      await mend.take(bytesOf(given))
    }
    if (mend.missing) done = false
    else {
      await mend.finish()
      journal.soundness.mended(damage, mend)
    }
    mend.close()
  }
  return { done, asked }
}

describe('what was set aside behind damage', () => {
  test('comes back once a peer gave the frame that is damaged, and only that is asked for', async () => {
    const { dataDir, folder, frames, segments } = await left()
    const sound = readFileSync(join(folder, segments[0] as string))
    flipIn(folder, frames, 7)
    const { journal, events } = await reopened(dataDir)
    assert.equal(viewOf(journal, id).end, 7)
    const { done, asked } = await takeBack(journal, frames.slice(0, 8))
    assert.ok(done)
    assert.deepEqual(
      asked.map(({ offset, until }) => [offset, until]),
      [[7, 8]],
    )
    assert.deepEqual(bytesOf(readAll(viewOf(journal, id))), bytesOf(frames))
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['damaged', 'takenBack'],
    )
    await journal.close()
    assert.deepEqual(readFileSync(join(folder, segments[0] as string)), sound)
    const again = await reopened(dataDir, epochC)
    assert.deepEqual([again.events, again.journal.soundness.damages(), viewOf(again.journal, id).end], [[], [], 40])
    await again.journal.close()
  })

  test('stays where it is while nobody has that frame, through restarts, and comes back when somebody does', async () => {
    const { dataDir, folder, frames } = await left()
    flipIn(folder, frames, 7)
    for (const epoch of [epochB, epochC]) {
      const { journal } = await reopened(dataDir, epoch)
      assert.equal((await takeBack(journal)).done, false)
      assert.deepEqual(bytesOf(readAll(viewOf(journal, id))), bytesOf(frames.slice(0, 7)))
      await journal.close()
    }
    const { journal } = await reopened(dataDir, randomEpoch(1))
    assert.ok((await takeBack(journal, frames.slice(7, 8))).done)
    assert.deepEqual(bytesOf(readAll(viewOf(journal, id))), bytesOf(frames))
    await journal.close()
  })

  test('comes back over several segments and several damaged frames, the first one and the last among them', async () => {
    const { dataDir, folder, frames, segments } = await left(1000)
    assert.ok(segments.length > 4)
    for (const offset of [0, 9, 10, 25, 39]) flipIn(folder, frames, offset)
    const { journal } = await reopened(dataDir)
    assert.equal(journal.log(id), undefined)
    const { done, asked } = await takeBack(journal, frames)
    assert.ok(done)
    assert.deepEqual(
      asked.map(({ offset, until }) => [offset, until]),
      [
        [0, 1],
        [9, 11],
        [25, 26],
      ],
    )
    assert.deepEqual(bytesOf(readAll(viewOf(journal, id))), bytesOf(frames.slice(0, 39)))
    await journal.close()
  })

  test('is not taken twice where the log has grown by itself meanwhile', async () => {
    const { dataDir, folder, frames } = await left()
    flipIn(folder, frames, 7)
    const { journal, events } = await reopened(dataDir)
    await journal.replicate(id, bytesOf(frames.slice(7, 20)))
    const { done, asked } = await takeBack(journal)
    assert.deepEqual([done, asked], [true, []])
    assert.deepEqual(bytesOf(readAll(viewOf(journal, id))), bytesOf(frames))
    assert.deepEqual(events.at(-1), {
      kind: 'takenBack',
      log: 'orders/a/01980000-0000-7000-8000-00000000000a',
      folder: `${folder}.quarantined-1`,
      bytes: bytesOf(frames.slice(20)).length,
    })
    await journal.close()
  })

  test('records that look like frames are not taken for frames of the log', async () => {
    const dir = join(root, randomUUID())
    const other = await openOn(disk, { dataDir: dir, epoch: epochC })
    await appendAll(other.journal, 'orders', values.slice(0, 12))
    const foreign = bytesOf(readAll(viewOf(other.journal, idOf('orders', 'a', epochC))).slice(6))
    await other.journal.close()
    const { dataDir, folder } = await left(1024 * 1024, values.slice(0, 6))
    const file = join(folder, segmentsIn(folder)[0] as string)
    writeFileSync(file, Buffer.concat([readFileSync(file), new Uint8Array(100).fill(7), foreign]))
    const { journal, events } = await reopened(dataDir)
    assert.equal(events[0]?.kind, 'damaged')
    // They stay there: who could say that nobody has what they seem to follow?
    assert.equal((await takeBack(journal)).done, false)
    assert.deepEqual(
      readAll(viewOf(journal, id)).map(({ body }) => body),
      values.slice(0, 6).map((value) => batchOf(value)),
    )
    await journal.close()
  })
})

function randomEpoch(n: number): string {
  return `01980000-0000-7000-8000-${String(n).padStart(12, '0')}`
}
