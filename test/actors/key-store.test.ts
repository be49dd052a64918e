import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { openKeyring } from '../../src/actors/key-store.ts'
import { DiskError } from '../../src/env/env.ts'
import { createRealEnv } from '../../src/env/real.ts'
import { formatKey, formatKeyList, type KeyChange } from '../../src/gossip/keys.ts'
import { keyOf } from '../gossip/sealed.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-keys-'))
after(() => rmSync(folder, { recursive: true }))
const env = createRealEnv()
const [a, b] = [keyOf(1), keyOf(2)]

function fileWith(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

function open(source: { file: string } | { key: Uint8Array }, disk = env.disk) {
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const log = pino({}, { write: (line: string) => void lines.push(line) })
  const keyring = openKeyring({
    env: { disk, aead: env.aead },
    source,
    log,
    stored: (problem) => {
      keyring.stored(problem)
      waiting.shift()?.()
    },
  })
  /** Resolves with the problem, if there was one. */
  const change = async (kind: KeyChange, key: Uint8Array): Promise<string | undefined> => {
    let outcome: string | undefined
    const stored = new Promise<void>((resolve) => waiting.push(resolve))
    keyring.change(kind, key, (problem) => {
      outcome = problem
    })
    await stored
    return outcome
  }
  return { keyring, change, lines }
}

test('a file is read, follows every change for its owner alone, and no log shows a key', async () => {
  const path = fileWith('good.json', formatKeyList([a]))
  const { keyring, change, lines } = open({ file: path })
  assert.deepEqual(keyring.keys, [a])
  await change('install', b)
  await change('use', b)
  await change('remove', a)
  assert.equal(readFileSync(path, 'utf8'), formatKeyList([b]))
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(open({ file: path }).keyring.keys, [b])
  const text = lines.join('')
  for (const key of [a, b]) {
    assert.equal(text.includes(formatKey(key)), false)
    assert.equal(text.includes(env.aead.fingerprint(key)), true)
  }
})

test('a file that will not do is refused in one line', () => {
  mkdirSync(join(folder, 'folder.json'))
  const refusals: [string, RegExp][] = [
    [join(folder, 'missing.json'), /^key file \S+missing.json does not exist$/],
    [join(folder, 'folder.json'), /^key file \S+ is not a file$/],
    [fileWith('group.json', formatKeyList([a]), 0o640), /others than its owner \(mode 0640\): chmod 600 it/],
    [fileWith('world.json', formatKeyList([a]), 0o604), /mode 0604/],
    [fileWith('empty.json', ''), /is not JSON$/],
    [fileWith('none.json', '[]'), /has no key$/],
    [fileWith('half.json', formatKeyList([a]).slice(0, 20)), /is not JSON$/],
    [fileWith('short.json', '["AgIC"]'), /unusable key, number 1/],
    [fileWith('huge.json', ' '.repeat(70_000)), /larger than any list of keys$/],
  ]
  for (const [path, expected] of refusals) {
    assert.throws(() => open({ file: path }), { code: 'KEYRING_INVALID', message: expected })
  }
  const locked = { ...env.disk, readFile: () => assert.fail(new DiskError('EACCES', 'x')) }
  const path = fileWith('locked.json', formatKeyList([a]))
  assert.throws(() => open({ file: path }, locked), { code: 'KEYRING_INVALID', message: /cannot be read: EACCES$/ })
})

test('a change that cannot be written is none, and leaves the file as it was', async () => {
  const path = fileWith('full.json', formatKeyList([a]))
  const full = { ...env.disk, replaceFile: () => Promise.reject(new DiskError('ENOSPC', path)) }
  const { keyring, change, lines } = open({ file: path }, full)
  assert.equal(await change('install', b), 'the key file cannot be written: ENOSPC')
  assert.deepEqual(keyring.keys, [a])
  assert.equal(readFileSync(path, 'utf8'), formatKeyList([a]))
  assert.match(lines.at(-1) ?? '', /cannot be written: ENOSPC; the keys stay as they were/)
})

test('a key of the configuration changes in memory alone, and the log warns of it', async () => {
  const { keyring, change, lines } = open({ key: a })
  assert.equal(await change('install', b), undefined)
  assert.deepEqual(keyring.keys, [a, b])
  assert.match(lines.at(-1) ?? '', /a restart brings back the old one/)
})
