import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createRealDisk } from '../../src/env/real-disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-disk-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('fetching tells nothing: what was fetched is read as ever, also beyond the end and from a file that was closed', async () => {
  const path = join(folder, 'file')
  const content = Buffer.alloc(300_000, 'content')
  writeFileSync(path, content)
  const disk = createRealDisk()
  const file = disk.open(path, 'read')
  await file.fetch(0, 1024)
  await file.fetch(200_000, 50 * 1024 * 1024)
  await file.fetch(1e9, 1024)
  const target = new Uint8Array(1000)
  assert.equal(file.read(target, 1234), 1000)
  assert.deepEqual(Buffer.from(target), content.subarray(1234, 2234))
  const fetched = file.fetch(0, 1024)
  file.close()
  await fetched
  await file.fetch(0, 1024)
})
