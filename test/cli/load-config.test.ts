import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Command } from 'commander'
import { addAgent, loadConfig } from '../../src/cli/agent.ts'
import { flagOf } from '../../src/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'reeve-config-'))
after(() => rmSync(folder, { recursive: true }))

test('flags, variables and the file that either names come together', () => {
  const file = join(folder, 'reeve.yaml')
  writeFileSync(file, 'nodeName: from-file\nclusterName: from-file\nrpcPort: 1\ndataDir: x\n')
  const byFlag = loadConfig({ configFile: file, rpcPort: '2' }, [], { REEVE_CLUSTER_NAME: 'from-variable' })
  assert.equal(byFlag.nodeName, 'from-file')
  assert.equal(byFlag.clusterName, 'from-variable')
  assert.equal(byFlag.rpcPort, 2)
  assert.equal(byFlag.dataDir, join(process.cwd(), 'x'))
  assert.equal(loadConfig({}, [], { REEVE_CONFIG_FILE: file }).nodeName, 'from-file')
})

test('a file that cannot be read names the flag or variable that asked for it', () => {
  assert.throws(() => loadConfig({ configFile: '/nonexistent' }, [], {}), {
    code: 'CONFIG_INVALID',
    message: '--config-file: cannot read /nonexistent (ENOENT)',
  })
  assert.throws(() => loadConfig({}, [], { REEVE_CONFIG_FILE: folder }), {
    message: `REEVE_CONFIG_FILE: cannot read ${folder} (EISDIR)`,
  })
})

test('an unknown flag takes the word behind it along; other words stand for themselves', () => {
  assert.throws(() => loadConfig({}, ['--nod-name', 'a', '--nope=b', 'c', 'd'], {}), {
    message: [
      '--nod-name: there is no such flag (did you mean --node-name?)',
      '--nope: there is no such flag',
      'd: reeve agent takes flags only',
    ].join('\n'),
  })
})

test('commander knows every flag of the table by the name that is looked up', () => {
  const program = new Command()
  addAgent(program, () => undefined)
  const known = program.commands[0]!.options.map((option) => option.long)
  assert.ok(known.includes(flagOf('serverTls.certFile')))
  const command = program.commands[0]!
  command.parseOptions([
    '--server-tls-cert-file',
    'c',
    '--start-join-addrs',
    'a:1',
    '--start-join-addrs',
    'b:2',
    '--insecure',
  ])
  assert.deepEqual(command.opts(), { serverTlsCertFile: 'c', startJoinAddrs: ['a:1', 'b:2'], insecure: true })
})
