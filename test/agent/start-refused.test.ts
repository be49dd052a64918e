import assert from 'node:assert/strict'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { reeve } from '../cli/capture.ts'
import { type Agent, runReeve } from './agent.ts'
import { Stage } from './stage.ts'

const goodPolicy = 'p, anna, orders, produce\n'

/** What keeps a node from starting is told in one line that a person can act on and an exit code that scripts notice. */
describe('an agent does not start', () => {
  const stage = new Stage()
  const certs = stage.path('certs')
  const certificate = `${certs}/x-server.pem`
  const key = `${certs}/x-server-key.pem`
  let running: Agent

  before(async () => {
    running = await stage.start('running')
    for (const words of [['ca'], ['server', '--name', 'x'], ['server', '--name', 'y']]) {
      assert.equal((await reeve('cert', ...words, '--dir', certs)).code, 0)
    }
  })
  after(() => stage.end())

  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(stage.path(name), content)
    return stage.path(name)
  }
  const loop = () => {
    symlinkSync(stage.path('loop'), stage.path('loop'))
    return stage.path('loop')
  }
  const half = (path: string) => readFileSync(path).subarray(0, 200)
  const tls = (cert: string, ownKey: string, ca = `${certs}/ca.pem`) => [
    ...['--server-tls-cert-file', cert, '--server-tls-key-file', ownKey, '--server-tls-ca-file', ca],
  ]
  const policy = (content: string | Uint8Array) => ['--acl-policy-file', file('policy.csv', content)]

  const failed = 1
  const misused = 2
  const cases: [why: string, words: () => string[], code: number, says: RegExp][] = [
    ['RPC port taken', () => ['--rpc-port', portOf(running.rpcAddress)], failed, /cannot listen on .*EADDRINUSE/],
    [
      'Serf RPC port taken',
      () => ['--serf-rpc-addr', running.gossipAddress],
      failed,
      /cannot listen on .*another process has that port/,
    ],
    ['gossip port taken', () => ['--bind-addr', running.gossipAddress], failed, /EADDRINUSE/],
    ['data folder in use', () => ['--data-dir', running.dataDir], failed, /is in use by node running/],
    ['data folder a file', () => ['--data-dir', file('plain', '')], failed, /the data folder .*plain cannot be used/],
    ['data folder below a file', () => ['--data-dir', `${file('plain', '')}/data`], failed, /cannot be used: ENOTDIR/],
    ['data folder unreadable', () => ['--data-dir', loop()], failed, /cannot be used: ELOOP/],
    ['certificate missing', () => tls(stage.path('none.pem'), key), misused, /none\.pem: ENOENT/],
    ['certificate of garbage', () => tls(file('garbage.pem', 'garbage'), key), misused, /certificate is not PEM/],
    ['certificate half written', () => tls(file('half.pem', half(certificate)), key), misused, /is cut off/],
    ['key of another certificate', () => tls(certificate, `${certs}/y-server-key.pem`), misused, /key values mismatch/],
    ['key half written', () => tls(certificate, file('half-key.pem', half(key))), misused, /private key are unusable/],
    [
      'CA half written',
      () => tls(certificate, key, file('ca.pem', half(`${certs}/ca.pem`))),
      misused,
      /CA .*is cut off/,
    ],
    ['certificate without key', () => ['--server-tls-cert-file', certificate], misused, /needs serverTls\.keyFile/],
    ['policy missing', () => ['--acl-policy-file', stage.path('none.csv')], misused, /none\.csv: ENOENT/],
    ['policy a folder', () => ['--acl-policy-file', certs], misused, /cannot read .*certs: EISDIR/],
    ['policy empty', () => policy(''), misused, /ACL policy: it is empty/],
    ['policy half written', () => policy(goodPolicy.slice(0, -3)), misused, /ACL policy, line 1: .*half-written/],
    ['policy short of a field', () => policy('p, anna, orders\n'), misused, /ACL policy, line 1: 2 fields/],
    ['policy with an unknown act', () => policy('p, anna, *, fly\n'), misused, /line 1: unknown act "fly"/],
    ['policy not text', () => policy(new Uint8Array([112, 0xff, 10])), misused, /policy\.csv is not UTF-8/],
    [
      'model that allows everything',
      () => [...policy(goodPolicy), '--acl-model-file', file('model.conf', openModel)],
      misused,
      /ACL model, line \d+: .*allows what no policy line allows/,
    ],
    ['model without policy', () => ['--acl-model-file', file('model.conf', openModel)], misused, /needs aclPolicyFile/],
    ['unknown flag', () => ['--rpc-prot', '1'], misused, /--rpc-prot: .*did you mean --rpc-port\?/],
    [
      'unknown key in its file',
      () => ['--config-file', file('reeve.yaml', 'nodeName: x\nrpcPrt: 1\n')],
      misused,
      /reeve\.yaml:2 rpcPrt: .*did you mean rpcPort\?/,
    ],
    ['malformed file', () => ['--config-file', file('broken.yaml', 'tags: [x\n')], misused, /broken\.yaml:\d+: /],
    ['file missing', () => ['--config-file', stage.path('none.yaml')], misused, /none\.yaml \(ENOENT\)/],
    [
      'plain text for other machines',
      () => ['--rpc-host', '0.0.0.0'],
      misused,
      /--rpc-host: the RPC port would speak plain text on 0\.0\.0\.0.*--insecure/,
    ],
  ]
  for (const [why, words, code, says] of cases) {
    test(why, async () => {
      const own = ['--node-name', 'x', '--data-dir', stage.path('unused'), '--bind-addr', '127.0.0.1:0']
      const exit = await runReeve('agent', '--log-level', 'fatal', '--rpc-port', '0', ...own, ...words())
      assert.match(exit.stderr, /^reeve: .+\n$/)
      assert.match(exit.stderr, says)
      assert.equal(exit.code, code, exit.stderr)
      assert.equal(exit.stdout, '')
    })
  }

  test('and none of that disturbed the one that runs, nor left a process behind in a folder', async () => {
    assert.ok(running.running)
    assert.equal((await stage.client([running]).servers()).length, 1)
    const next = await stage.start('x', { dataDir: stage.path('unused') })
    assert.ok(existsSync(stage.path('unused', 'topics')))
    await next.stop()
  })
})

const portOf = (address: string) => address.slice(address.lastIndexOf(':') + 1)

const openModel = `[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act
`
