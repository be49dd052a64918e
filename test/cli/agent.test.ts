import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { reeve } from './capture.ts'
import { type RunningAgent, spawnReeve, startAgent } from './processes.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-agent-'))
const dirOf = (name: string) => ['--node-name', name, '--data-dir', join(folder, name)]
const running: RunningAgent[] = []

async function start(name: string, words: string[] = [], stdio: 'pipe' | 'ipc' = 'pipe'): Promise<RunningAgent> {
  const agent = await startAgent([...dirOf(name), ...words], stdio)
  running.push(agent)
  return agent
}

after(async () => {
  for (const agent of running) agent.child.kill('SIGKILL')
  await Promise.all(running.map((agent) => agent.exited))
  rmSync(folder, { recursive: true })
})

/** JSON objects of a JSON-lines output. */
const objects = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

test('records go in by one command and come out by another, at another node too', async () => {
  const a = await start('a')
  const b = await start('b', ['--start-join-addrs', a.gossipAddress])
  const input = join(folder, 'input')
  writeFileSync(input, 'x=1\ny=2\nz=3')
  const produced = await reeve(
    ...['produce', 't', '--addr', a.rpcAddress, '--file', input, '--key-separator', '=', '--copies', '2', '--json'],
  )
  assert.equal(produced.code, 0, produced.stderr)
  assert.deepEqual(
    objects(produced.stdout).map((id) => [id.origin, id.offset]),
    [
      ['a', 0],
      ['a', 1],
      ['a', 2],
    ],
  )
  assert.equal(produced.stderr, '3 records stored in t\n')
  const checked = await reeve('verify', join(folder, 'a'))
  assert.deepEqual([checked.code, checked.stdout.split('\n').at(-2)], [0, '1 log, no damage'], checked.stderr)

  const first = await reeve('consume', 't', '--addr', b.rpcAddress, '--max', '2', '--json')
  const [one, two, { cursor }] = objects(first.stdout)
  assert.deepEqual([one.key, one.value, two.key, two.value], ['x', '1', 'y', '2'])
  const rest = objects((await reeve('consume', 't', '--addr', a.rpcAddress, '--from', cursor, '--json')).stdout)
  assert.deepEqual(
    rest.slice(0, -1).map((record) => record.value),
    ['3'],
  )
  const strange = await reeve('consume', 't', '--addr', a.rpcAddress, '--from', 'CAES')
  assert.deepEqual([strange.code, strange.stdout], [2, ''])
  assert.match(strange.stderr, /^reeve: the cursor is not usable: .*\n$/)

  const values = async (...flags: string[]) =>
    objects((await reeve('consume', 't', '--addr', b.rpcAddress, '--json', ...flags)).stdout).flatMap(
      ({ value }) => value ?? [],
    )
  assert.deepEqual(await values('--key', 'z', '--key', 'x'), ['1', '3'])
  assert.deepEqual(await values('--key-prefix', 'y', '--order', 'timestamp'), ['2'])
  assert.deepEqual(await values('--since', '1h', '--max-bytes', '1'), ['1'])
  assert.deepEqual(await values('--from-time', '2999-01-01'), [])
  assert.deepEqual(await values('--from-offset', `a/${one.epoch}/1`), ['2', '3'])

  const members = JSON.parse((await reeve('members', '--addr', b.rpcAddress, '--json')).stdout)
  assert.deepEqual(
    members.map((member: { name: string; status: string }) => [member.name, member.status]),
    [
      ['a', 'alive'],
      ['b', 'alive'],
    ],
  )
  assert.match((await reeve('topics', '--addr', b.rpcAddress)).stdout, /^t +a +\S+ +0 +3 /m)
  assert.equal((await reeve('topics', 'none', '--addr', b.rpcAddress)).code, 1)
  const refused = await reeve('produce', 't', '--addr', a.rpcAddress, '--file', input, '--copies', '9')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^0 records stored in t, 3 not stored\nreeve: .*9 copies/)

  const left = await reeve('leave', '--addr', b.rpcAddress)
  assert.equal(left.stdout, `${b.rpcAddress} is leaving\n`)
  assert.equal((await b.exited).code, 0)
})

test('SIGTERM stops a node with exit code 0', async () => {
  const agent = await start('sigterm')
  agent.child.kill('SIGTERM')
  const { code, stderr } = await agent.exited
  assert.equal(code, 0)
  assert.match(stderr, /"msg":"stopped"/)
})

test('a node whose parent goes away stops too', async () => {
  const agent = await start('orphan', [], 'ipc')
  agent.child.disconnect()
  assert.equal((await agent.exited).code, 0)
})

test('what keeps a node from starting is one clear line and an exit code', async () => {
  const agent = await start('first')
  const cases: [string[], RegExp, code?: number][] = [
    [[...dirOf('second'), '--bind-addr', '127.0.0.1:0', '--rpc-port', agent.rpcAddress.split(':')[1]!], /EADDRINUSE/],
    [[...dirOf('fourth'), '--bind-addr', agent.gossipAddress, '--rpc-port', '0'], /EADDRINUSE/],
    [
      ['--node-name', 'x', '--data-dir', join(folder, 'first'), '--bind-addr', '127.0.0.1:0', '--rpc-port', '0'],
      /folder|directory|in use|locked/i,
    ],
    [
      [
        ...dirOf('third'),
        '--rpc-port',
        '0',
        '--bind-addr',
        '127.0.0.1:0',
        '--server-tls-cert-file',
        '/nonexistent',
        '--server-tls-key-file',
        '/nonexistent',
      ],
      /nonexistent/,
      2,
    ],
  ]
  await Promise.all(
    cases.map(async ([words, expected, expectedCode = 1]) => {
      const { code, stderr } = await spawnReeve(['agent', '--log-level', 'fatal', ...words]).exited
      assert.equal(code, expectedCode, stderr)
      assert.match(stderr, /^reeve: .*\n$/)
      assert.match(stderr, expected)
    }),
  )
})
