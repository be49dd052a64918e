import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { isHarm, verifyDataDirs } from '../../src/log/verify.ts'
import {
  appendAll,
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

const root = mkdtempSync(join(tmpdir(), 'reeve-log-'))
after(() => rmSync(root, { recursive: true, force: true }))

const id = idOf('orders')
const settings = { segmentMaxBytes: 4000, indexIntervalBytes: 500, openFilesMax: 8 }
const disk = createRealDisk()
const filesOf = (folder: string) =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString('hex')]),
  )

describe('on a real disk', () => {
  test('logs are written, copied, cut, healed and found good', async () => {
    const [a, b] = [join(root, randomUUID()), join(root, randomUUID())]
    const first = await openOn(disk, { dataDir: a, epoch: epochA, settings })
    const values = Array.from({ length: 100 }, (_, n) => `value ${n} `.repeat(1 + (n % 9)))
    await appendAll(first.journal, 'orders', values)
    const frames = readAll(viewOf(first.journal, id))
    assert.deepEqual(
      frames.map((frame) => frame.body),
      values.map((value) => batchOf(value)),
    )
    await assert.rejects(openOn(disk, { dataDir: a, epoch: epochB }), hasCode('DATA_DIR_LOCKED'))

    const copy = await openOn(disk, { dataDir: b, node: 'b', epoch: epochB, settings })
    for (let n = 0; n < frames.length; n += 9) await copy.journal.replicate(id, bytesOf(frames.slice(n, n + 9)))
    assert.deepEqual(filesOf(folderOf(id, b)), filesOf(folderOf(id, a)))
    await first.journal.close()
    await copy.journal.close()
    assert.deepEqual([...verifyDataDirs(disk, [a, b])].filter(isHarm), [])

    const last = join(
      folderOf(id, b),
      [...filesOf(folderOf(id, b)).keys()].filter((name) => name.endsWith('.log')).at(-1) ?? '',
    )
    truncateSync(last, readFileSync(last).length - 1)
    appendFileSync(join(folderOf(id, b), '00000000000000000000.index'), 'x')
    const healed = await openOn(disk, { dataDir: b, node: 'b', epoch: epochC, settings })
    assert.deepEqual(
      healed.events.map((event) => event.kind),
      ['tailCut'],
    )
    const { end } = viewOf(healed.journal, id)
    assert.equal(end, 99)
    await healed.journal.replicate(id, bytesOf(frames.slice(end)))
    await healed.journal.append('orders', batchOf('own'), 1)
    await healed.journal.close()
    assert.deepEqual(filesOf(folderOf(id, b)), filesOf(folderOf(id, a)))
  })
})
