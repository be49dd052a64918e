import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { realClock } from '../../src/env/real-clock.ts'
import { createRealDisk } from '../../src/env/real-disk.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import { reeve } from './capture.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-verify-'))
const [good, copy, damaged] = ['a', 'copy', 'damaged'].map((name) => join(folder, name)) as [string, string, string]

before(async () => {
  const epoch = '01890000-0000-7000-8000-000000000001'
  const journal = await openJournal({
    disk: createRealDisk(),
    clock: realClock,
    dataDir: good,
    node: 'a',
    epoch,
    settings: defaultLogSettings,
    report: () => undefined,
  })
  const batch = toBinary(RecordBatchSchema, create(RecordBatchSchema, { records: [{ value: new Uint8Array(64) }] }))
  for (let n = 0; n < 3; n++) await journal.append('t', batch, 1)
  await journal.close()
  cpSync(good, copy, { recursive: true })
  cpSync(good, damaged, { recursive: true })
  const logFolder = join(damaged, 'topics', 't', 'a', epoch)
  const segment = join(logFolder, readdirSync(logFolder).find((name) => name.endsWith('.log'))!)
  const bytes = readFileSync(segment)
  bytes[100] = bytes[100]! ^ 1
  writeFileSync(segment, bytes)
})
after(() => rmSync(folder, { recursive: true }))

test('sound data: a table of logs and exit code 0', async () => {
  const { code, stdout } = await reeve('verify', good)
  assert.equal(code, 0)
  assert.match(stdout, /^t\/a\/01890000-0000-7000-8000-000000000001 .* 3 .*[0-9a-f]{16}$/m)
  assert.match(stdout, /1 log, no damage\n$/)
})

test('copies that agree show the same chain', async () => {
  const { code, stdout } = await reeve('verify', good, copy, '--json')
  assert.equal(code, 0)
  const found = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    found.map((finding) => finding.end),
    [3, 3],
  )
  assert.equal(found[0].chain, found[1].chain)
})

test('a flipped bit is found, said in words, and exit code 5', async () => {
  const { code, stdout } = await reeve('verify', damaged)
  assert.equal(code, 5)
  assert.match(stdout, /^DAMAGE: .*\.log: the frame at byte \d+, offset 0, is damaged: /m)
})

test('a folder without data is a mistake, not a success', async () => {
  const { code, stderr } = await reeve('verify', folder)
  assert.equal(code, 2)
  assert.match(stderr, /there is no data of a node in it/)
})

test('a folder whose node wrote no log yet is not called sound: it says where it looked, beside one that has logs, too', async () => {
  const empty = join(folder, 'empty')
  mkdirSync(join(empty, 'topics'), { recursive: true })
  for (const folders of [[empty], [good, empty]]) {
    const { code, stdout, stderr } = await reeve('verify', ...folders)
    assert.equal(code, 2)
    assert.equal(stderr, `reeve: ${empty}: there is no log in it, that is, below ${empty}/topics\n`)
    assert.doesNotMatch(stdout, /0 logs/)
  }
})
