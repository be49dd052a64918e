import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeFolder } from '../../src/env/make-folder.ts'

const base = mkdtempSync(join(tmpdir(), 'reeve-make-folder-'))
after(() => rmSync(base, { recursive: true }))

test('it makes all folders of a path, and is content with those that exist', () => {
  const path = join(base, 'a', 'b', 'c')
  makeFolder(path)
  makeFolder(path)
  assert.ok(existsSync(path))
})

test('what cannot become a folder is an error', () => {
  const file = join(base, 'file')
  writeFileSync(file, '')
  assert.throws(() => makeFolder(file), { code: 'EEXIST' })
  assert.throws(() => makeFolder(join(file, 'below', 'it')), { code: 'ENOTDIR' })
})

test('a folder that has no room for others refuses, and does not take for ever', { skip: !existsSync('/proc') }, () => {
  assert.throws(() => makeFolder('/proc/reeve/data'), { code: 'ENOENT' })
})
