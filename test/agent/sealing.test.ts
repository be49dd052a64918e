import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { formatKeyList } from '../../src/gossip/keys.ts'
import { runReeve } from './agent.ts'
import { Stage } from './stage.ts'

const stage = new Stage()
after(() => stage.end())

test('three agents with one key replicate; agents without it stay alone, and no key shows anywhere', async () => {
  const [key, stranger] = [(await runReeve('keygen')).stdout.trim(), (await runReeve('keygen')).stdout.trim()]
  const fileOf = (name: string) => {
    const path = stage.path(`${name}-keys.json`)
    writeFileSync(path, formatKeyList([Buffer.from(key, 'base64')]), { mode: 0o600 })
    return path
  }
  const withFile = (name: string) => ({ words: ['--gossip-keyring-file', fileOf(name), '--log-level', 'debug'] })
  const a = await stage.start('a', withFile('a'))
  const b = await stage.start('b', { join: [a], ...withFile('b') })
  const c = await stage.start('c', { join: [a], words: ['--gossip-key', key, '--log-level', 'debug'] })
  await stage.together([a, b, c])
  // Resolves once all three have it.
  await stage.client([c]).producer({ topic: 'orders', copies: 3 }).send({ value: 'sealed' })

  const patient = ['--join-retry-ms', '100', '--join-retry-max-ms', '1000']
  const wrong = stage.launch('wrong', { join: [a], words: ['--gossip-key', stranger, ...patient] })
  const bare = stage.launch('bare', { join: [b], words: patient })
  for (const outside of [wrong, bare]) {
    await outside.logged('nobody to join answers; trying again')
    assert.deepEqual((await outside.ready()).members, [outside.name])
  }
  assert.match(JSON.stringify(wrong.lines), /no installed keys could decrypt/)
  assert.match(JSON.stringify(bare.lines), /remote state is encrypted and encryption is not configured/)
  assert.deepEqual((await stage.client([a]).servers()).map(({ name }) => name).sort(), ['a', 'b', 'c'])
  for (const { lines } of stage.agents) {
    for (const secret of [key, stranger]) assert.equal(JSON.stringify(lines).includes(secret), false)
  }
})

test('a key file that others may read stops the start, in one line', async () => {
  const path = stage.path('open-keys.json')
  writeFileSync(path, formatKeyList([new Uint8Array(32)]))
  chmodSync(path, 0o644)
  const words = ['--data-dir', stage.path('open'), '--bind-addr', '127.0.0.1:0', '--rpc-port', '0']
  const { code, stderr } = await runReeve('agent', ...words, '--gossip-keyring-file', path, '--log-level', 'fatal')
  assert.equal(code, 2)
  assert.equal(
    stderr,
    `reeve: key file ${path} can be used by others than its owner (mode 0644): chmod 600 it, and think of its keys as known\n`,
  )
})
