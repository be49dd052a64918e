import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { batchOf, epochB, idOf, openOn, readAll, valuesOf, viewOf } from './scenery.ts'

const root = mkdtempSync(join(tmpdir(), 'reeve-many-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** Files of logs that this process has open. */
function openLogs(): number {
  const path = '/proc/self/fd'
  return readdirSync(path).filter((fd) => {
    try {
      return readlinkSync(join(path, fd)).startsWith(root)
    } catch {
      return false // the folder that was being listed
    }
  }).length
}

test('a thousand logs keep no more than 64 files open', { skip: process.platform !== 'linux' }, async () => {
  const topics = Array.from({ length: 1000 }, (_, n) => `topic-${n}`)
  const options = { dataDir: root, settings: { durability: 'os' } } as const
  const { journal } = await openOn(createRealDisk(), options)
  for (const topic of topics) {
    await journal.append(topic, batchOf(topic), 1)
    assert.deepEqual(valuesOf(readAll(viewOf(journal, idOf(topic)))), [topic])
  }
  assert.ok(openLogs() <= 64, `${openLogs()} files are open`)
  await journal.close()
  assert.equal(openLogs(), 0)

  const { journal: next, events } = await openOn(createRealDisk(), { ...options, epoch: epochB })
  assert.deepEqual([next.logs().length, openLogs(), events], [1000, 0, []])
  await next.close()
})
