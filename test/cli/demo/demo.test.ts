import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { freePorts } from '../../../src/cli/demo/ports.ts'
import { spawnReeve } from '../processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-demo-test-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('the demo converges, and says so in JSON and its exit code', async () => {
  const { code, stdout, stderr } = await spawnReeve([
    'demo',
    '--nodes',
    '2',
    '--duration',
    '20',
    '--json',
    '--dir',
    folder,
  ]).exited
  assert.equal(code, 0, stderr)
  const summary = JSON.parse(stdout)
  assert.equal(summary.complete, true)
  assert.ok(summary.convergedMs >= summary.joinedMs)
  assert.ok(summary.acknowledged > 0)
  assert.ok(summary.records >= summary.acknowledged)
  assert.ok(existsSync(join(folder, 'node-2', 'topics', 'demo', 'node-1')))
})

test('the demo prints a link to the inspector that opens it', async () => {
  const { child, exited } = spawnReeve(['demo', '--nodes', '1', '--rate', '0'])
  let said = ''
  const link = new Promise<string>((resolve) => {
    child.stdout!.on('data', (text: string) => {
      said += text
      const found = /See inside, in a browser: (\S+)\n/.exec(said)
      if (found) resolve(found[1]!)
    })
  })
  try {
    const ended = exited.then(({ stderr }) => Promise.reject(new Error(`it ended: ${stderr}`)))
    const { status, headers } = await fetch(await Promise.race([link, ended]), { redirect: 'manual' })
    ended.catch(() => undefined)
    assert.equal(status, 303)
    assert.match(headers.get('set-cookie') ?? '', /^reeve-inspector-/)
  } finally {
    child.kill('SIGTERM')
    await exited
  }
})

test('free ports are all different', async () => {
  const ports = await freePorts(8)
  assert.equal(new Set(ports).size, 8)
})
