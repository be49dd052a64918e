import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { DiskError } from '../../src/env/env.ts'
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

test('room is told of the file system that a folder is on, and where there is no such folder, that', async () => {
  const disk = createRealDisk()
  const space = await disk.space(folder)
  assert.ok(space && space.totalBytes >= space.freeBytes && space.freeBytes > 0, JSON.stringify(space))
  await assert.rejects(disk.space(join(folder, 'none')), (error: DiskError) => error.code === 'ENOENT')
})
