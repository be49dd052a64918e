import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exitCodeOf } from '../../src/cli/exit.ts'
import { ReeveError } from '../../src/errors.ts'
import { reeve } from './capture.ts'

const commands = [
  'agent',
  'demo',
  'members',
  'topics',
  'topic',
  'produce',
  'consume',
  'cursors',
  'cursor',
  'leave',
  'verify',
  'cert',
  'keygen',
  'event',
  'query',
  'monitor',
  'rtt',
  'keys',
  'force-leave',
]

test('help lists the commands, examples and exit codes', async () => {
  const { code, stdout } = await reeve('--help')
  assert.equal(code, 0)
  for (const word of commands) {
    assert.match(stdout, new RegExp(`^  ${word} `, 'm'))
  }
  assert.match(stdout, /Exit codes:\n {2}0 {2}done/)
})

test('every command has help that ends with examples', async () => {
  for (const word of commands) {
    const { code, stdout } = await reeve(word, '--help')
    assert.equal(code, 0, word)
    assert.match(stdout, /Examples?:\n {2}\$ /, word)
  }
})

test('what is mistyped is one line with a suggestion and exit code 2', async () => {
  const cases: [string[], RegExp][] = [
    [['memberz'], /^reeve: unknown command 'memberz' \(did you mean members\?\)\n$/],
    [['xyzzy'], /^reeve: unknown command 'xyzzy' \(see --help\)\n$/],
    [['members', '--adr', 'x'], /^reeve: unknown option '--adr' \(did you mean --addr\?\)\n$/],
    [['members', '--addr', 'nowhere'], /^reeve: .*needs HOST:PORT, not "nowhere"\n$/],
    [['consume', 't', '--max', '-1'], /^reeve: .*needs a whole number from 1\n$/],
    [['consume', 't', '--from', 'a b'], /^reeve: .*needs start, end or a cursor\n$/],
    [['consume', 't', '--since', '10'], /^reeve: .*needs a number and a unit: 90s, 10m, 12h or 7d\n$/],
    [['consume', 't', '--from-time', '7'], /^reeve: .*needs a time like 2026-01-31T12:00:00Z\n$/],
    [['consume', 't', '--wait-for', 'AA', '--wait-for', 'BB'], /^reeve: .*needs records, or one cursor\n$/],
    [['cursor', 'reset', 't', 'mill', '--to', 'a b'], /^reeve: .*needs start, end or a cursor\n$/],
    [['cursor', 'commit', 't', 'mill'], /^reeve: required option '--at <CURSOR>' not specified\n$/],
    [['consume', 't', '--from-offset', 'a/1'], /^reeve: .*needs ORIGIN\/EPOCH\/OFFSET, .*\n$/],
    [['consume', 't', '--from-offset', 'a/x/1'], /^reeve: .*epoch "x" is not a lower-case UUID\n$/],
    [['consume', 't', '--order', 'size'], /^reeve: .*needs arrival or timestamp\n$/],
    [['consume', 't', '--from', 'end', '--since', '1h'], /^reeve: --from and --since exclude each other\n$/],
    [['produce', 'no topic!'], /^reeve: topic name "no topic!" must be .*\n$/],
    [['cert', 'xyzzy'], /^reeve: unknown command 'xyzzy' \(see --help\)\n$/],
    [['cert', 'pear'], /^reeve: unknown command 'pear' \(did you mean peer\?\)\n$/],
    [['sim', '--seed', 'x'], /^reeve: .* is invalid: needs a whole number from 0\n$/],
    [['produce', 't', '--copies', 'most'], /^reeve: .*needs a whole number from 1 to 1000, or all\n$/],
    [['produce'], /^reeve: missing required argument 'TOPIC'\n$/],
    [['produce', 't', '--key', 'a', '--key-separator', ':'], /^reeve: --key and --key-separator exclude each other\n$/],
    [['members', '--tls-cert-file', 'x'], /^reeve: --tls-cert-file and --tls-key-file belong together\n$/],
    [['members', '--tls-ca-file', '/nonexistent'], /^reeve: --tls-ca-file: cannot read \/nonexistent \(ENOENT\)\n$/],
  ]
  for (const [words, expected] of cases) {
    const { code, stderr } = await reeve(...words)
    assert.match(stderr, expected, words.join(' '))
    assert.equal(code, 2, words.join(' '))
  }
})

test('the agent reports every wrong flag at once', async () => {
  const { code, stderr } = await reeve('agent', '--node-nam', 'x', '--rpc-port', '99999', '--tags', 'a', 'word')
  assert.equal(code, 2)
  assert.deepEqual(stderr.trimEnd().split('\n').sort(), [
    'reeve: --node-nam: there is no such flag (did you mean --node-name?)',
    'reeve: --rpc-port: needs a port, 0 to 65535, not "99999"',
    'reeve: --tags: needs KEY=VALUE, more than one separated by commas, not ["a"]',
    'reeve: word: reeve agent takes flags only',
  ])
})

test('no server: exit code 3, and with --json an error that programs can read', async () => {
  const words = ['members', '--addr', '127.0.0.1:1', '--timeout-ms', '1']
  const plain = await reeve(...words)
  assert.equal(plain.code, 3)
  assert.match(plain.stderr, /^reeve: no server answers \(127\.0\.0\.1:1: .*\)\n$/)
  const json = await reeve(...words, '--json')
  assert.equal(json.code, 3)
  assert.equal(JSON.parse(json.stderr).error.code, 'UNAVAILABLE')
})

test('exit codes tell scripts what went wrong', () => {
  const codeOf = (code: ConstructorParameters<typeof ReeveError>[0]) => exitCodeOf(new ReeveError(code, ''))
  assert.equal(codeOf('UNAVAILABLE'), 3)
  assert.equal(codeOf('COPIES_PENDING'), 3)
  assert.equal(codeOf('OUTCOME_UNKNOWN'), 3)
  assert.equal(codeOf('PERMISSION_DENIED'), 4)
  assert.equal(codeOf('UNAUTHENTICATED'), 4)
  assert.equal(codeOf('DATA_CORRUPT'), 5)
  assert.equal(codeOf('CONFIG_INVALID'), 2)
  assert.equal(codeOf('ADDRESS_UNUSABLE'), 1)
})
