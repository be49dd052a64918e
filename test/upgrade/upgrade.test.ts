import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { pino } from 'pino'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { connect, createNode } from '../../src/index.ts'
import { verifyDataDirs } from '../../src/log/verify.ts'
import { batchOf, epochA, epochB, hasCode, idOf, openOn, readAll, viewOf } from '../log/scenery.ts'
import { valuesOfTopic } from './values.ts'

const vectors = new URL('../vectors/folders/', import.meta.url).pathname
const root = mkdtempSync(join(tmpdir(), 'reeve-upgrade-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** Git keeps neither the mode of a file nor a folder that is locked: it is as if somebody had restored a backup. */
function restored(name: string): string {
  const folder = join(root, `${name}-${readdirSync(root).length}`)
  cpSync(join(vectors, name), folder, { recursive: true })
  return folder
}

function logFiles(folder: string): Map<string, string> {
  const names = readdirSync(join(folder, 'topics'), { recursive: true }).map(String)
  const logs = names.filter((name) => name.endsWith('.log')).sort()
  return new Map(logs.map((name) => [name, readFileSync(join(folder, 'topics', name)).toString('hex')]))
}

describe('a data folder of an older version', () => {
  for (const name of ['first', 'format-1', 'format-1-trimmed']) {
    test(`${name}: opens without a complaint, holds what was written, and none of it changes`, async () => {
      const dataDir = restored(name)
      assert.deepEqual(
        [...verifyDataDirs(createRealDisk(), [dataDir])].filter(({ kind }) => kind !== 'log'),
        [],
      )
      const before = logFiles(dataDir)
      for (const epoch of [epochB, '01980000-0000-7000-8000-0000000000ff']) {
        const { journal, events } = await openOn(createRealDisk(), { dataDir, epoch })
        assert.deepEqual(events, [])
        const frames = readAll(viewOf(journal, idOf('many', 'a', epochA)))
        assert.deepEqual(
          frames.map(({ body }) => body),
          valuesOfTopic('many').map((value) => batchOf(value)),
        )
        await journal.close()
      }
      assert.deepEqual(logFiles(dataDir), before)
    })
  }

  test('what was trimmed then is trimmed now, and readers are told so', async () => {
    const { journal } = await openOn(createRealDisk(), { dataDir: restored('format-1-trimmed'), epoch: epochB })
    const trimmed = viewOf(journal, idOf('trimmed', 'a', epochA))
    assert.deepEqual([trimmed.start, trimmed.end], [14, 40])
    assert.throws(() => trimmed.read(13, 1), hasCode('OFFSET_TRIMMED'))
    assert.deepEqual(
      readAll(trimmed).map(({ body }) => body),
      valuesOfTopic('many')
        .slice(14)
        .map((value) => batchOf(value)),
    )
    const gone = viewOf(journal, idOf('gone', 'a', epochA))
    assert.deepEqual([gone.start, gone.end], [40, 40])
    await journal.close()
  })

  test('what producers marked then is known now', async () => {
    const dataDir = restored('format-1')
    const { journal } = await openOn(createRealDisk(), { dataDir, epoch: epochB })
    const values = valuesOfTopic('many')
    const claim = { id: new Uint8Array(16).fill(7), sequence: 39, skips: true }
    const again = await journal.append('many', batchOf(values[39] as string), 1, claim)
    assert.deepEqual([again.duplicate, again.log, again.baseOffset], [true, idOf('many', 'a', epochA), 39])
    await assert.rejects(journal.append('many', batchOf('other'), 1, claim), hasCode('PRODUCER_CONFLICT'))
    await journal.close()
  })

  test('a whole node goes on with it: its topics, their settings, its cursors', async () => {
    const dataDir = restored('format-1')
    const node = createNode(
      { nodeName: 'a', dataDir, bindAddr: '127.0.0.1:0', rpcPort: 0 },
      { log: pino({ level: 'silent' }) },
    )
    await node.start()
    const client = connect({ addresses: [node.status().rpcAddress as string], discovery: false })
    const values: string[] = []
    for await (const { value } of client.consumer({ topic: 'few' })) values.push(new TextDecoder().decode(value))
    assert.deepEqual(values, valuesOfTopic('few'))
    const [topic] = await client.topics('few')
    assert.equal(topic?.settings?.maxRecordBytes, 4096)
    const [cursor] = await client.cursors.list('few')
    assert.deepEqual([cursor?.name, cursor?.lag], ['half', 0])
    client.close()
    await node.stop()
    assert.equal(await node.done, undefined)
  })
})
