import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from './memory-disk.ts'
import { appendAll, batchOf, epochB, idOf, openOn, readAll, viewOf } from './scenery.ts'

test('few files are open, however many logs are in use', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk, { settings: { openFilesMax: 4 } })
  const topics = Array.from({ length: 12 }, (_, n) => `topic-${n}`)
  await Promise.all(topics.map((topic) => journal.append(topic, batchOf(topic), 1)))
  for (const topic of topics) {
    await journal.append(topic, batchOf('more'), 1)
    assert.equal(readAll(viewOf(journal, idOf(topic))).length, 2)
    assert.ok(disk.openFiles <= 4, `${disk.openFiles} are open`)
  }
})

test('a file that fails when it is closed takes nothing with it: what counts was synced', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk, { settings: { openFilesMax: 1 } })
  const topics = ['one', 'two', 'three']
  disk.fail('close', 'EIO', { times: 100 })
  for (const topic of topics) await appendAll(journal, topic, ['first', 'second'])
  for (const topic of topics) assert.equal(readAll(viewOf(journal, idOf(topic))).length, 2)
  await journal.close()
  disk.heal()
  const { journal: next } = await openOn(disk, { epoch: epochB })
  assert.deepEqual(next.topics(), [...topics].sort())
  await next.close()
})
