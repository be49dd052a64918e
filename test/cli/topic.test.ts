/** Topics at the command line, on real processes. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { reeve } from './capture.ts'
import { type RunningAgent, startAgent } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-topic-'))
const running: RunningAgent[] = []

async function start(name: string, words: string[] = []): Promise<RunningAgent> {
  const agent = await startAgent(['--node-name', name, '--data-dir', join(folder, name), ...words])
  running.push(agent)
  return agent
}

after(async () => {
  for (const agent of running) agent.child.kill('SIGKILL')
  await Promise.all(running.map((agent) => agent.exited))
  rmSync(folder, { recursive: true })
})

const until = async (fact: () => Promise<boolean>) => {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 50))
}

test('settings and a deletion made at one node hold at the other; readers are told what is gone', async () => {
  const a = await start('a')
  const b = await start('b', ['--start-join-addrs', a.gossipAddress])
  const [atA, atB] = [
    ['--addr', a.rpcAddress],
    ['--addr', b.rpcAddress],
  ] as [string[], string[]]
  const created = await reeve('topic', 'create', 't', '--segment-bytes', '64KiB', ...atA)
  assert.deepEqual([created.code, created.stdout], [0, 't: segments of 64.0 KiB\n'])
  const again = await reeve('topic', 'create', 't', ...atA)
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^reeve: topic t exists\n$/)
  const set = await reeve('topic', 'set', 't', '--retention', '7d', '--max-record-bytes', '32KiB', ...atA)
  assert.equal(set.stdout, 't: keeps 7d; segments of 64.0 KiB; records up to 32.0 KiB\n')
  await until(async () => (await reeve('topics', ...atB)).stdout.includes('t: keeps 7d; segments of 64.0 KiB'))

  const input = join(folder, 'input')
  writeFileSync(input, `${'x'.repeat(30_000)}\n`.repeat(20))
  assert.equal((await reeve('produce', 't', '--file', input, '--copies', '2', ...atA)).code, 0)
  writeFileSync(join(folder, 'large'), 'x'.repeat(40_000))
  const large = await reeve('produce', 't', '--file', join(folder, 'large'), ...atB)
  assert.match(large.stderr, /a record of \d+ bytes; the limit is 32768/)
  const first = await reeve('consume', 't', '--max', '1', '--json', ...atB)
  const { cursor } = JSON.parse(first.stdout.trimEnd().split('\n').at(-1) as string)

  const fewer = await reeve('topic', 'set', 't', '--retention-bytes', '200000', '--retention', 'default', ...atB)
  assert.equal(fewer.stdout, 't: keeps 195.3 KiB; segments of 64.0 KiB; records up to 32.0 KiB\n')
  const startAt = async (at: string[]) =>
    JSON.parse((await reeve('topics', 't', '--json', ...at)).stdout)[0].logs[0].start
  await until(async () => (await startAt(atA)) > 1 && (await startAt(atB)) > 1)
  const refused = await reeve('consume', 't', '--from', cursor, ...atB)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /begins at \d+, 1 was asked for/)
  const skipped = await reeve('consume', 't', '--from', cursor, '--skip-holes', '--json', ...atB)
  assert.equal(skipped.code, 0)
  assert.match(skipped.stderr, /^skipped \d+ records that are gone: a\/\S+, 1 to \d+\n/)
  const { offset } = JSON.parse(skipped.stdout.split('\n')[0] as string)
  // Retention may have gone on since.
  assert.ok(offset > 1 && offset <= (await startAt(atB)), `goes on at ${offset}`)

  const deleted = await reeve('topic', 'delete', 't', ...atA)
  assert.equal(deleted.stdout, 't is deleted\n')
  await until(async () => (await reeve('topics', 't', ...atB)).code !== 0)
  assert.equal((await reeve('topic', 'delete', 't', ...atB)).code, 1)
  for (const agent of [a, b]) {
    agent.child.kill('SIGTERM')
    assert.equal((await agent.exited).code, 0)
  }
  const verified = await reeve('verify', join(folder, 'a'), join(folder, 'b'))
  assert.equal(verified.code, 0, verified.stdout)
})

test('what cannot be meant is one line with exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['topic', 'set', 't'], /^reeve: name at least one setting, such as --retention 7d\n$/],
    [['topic', 'set', 't', '--retention', 'soon'], /needs something like 12h or 7d, "off" or "default"\n$/],
    [['topic', 'set', 't', '--segment-bytes', 'off'], /needs something like 64MiB, or "default"\n$/],
    [['topic', 'sett', 't'], /^reeve: unknown command 'sett' \(did you mean set\?\)\n$/],
    [['topic', 'delete'], /^reeve: missing required argument 'TOPIC'\n$/],
  ]
  for (const [words, expected] of cases) {
    const { code, stderr } = await reeve(...words)
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, expected)
  }
})
