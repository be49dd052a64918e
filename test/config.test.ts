import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  configTableMarkdown,
  fields,
  layerFromFile,
  layerFromFlags,
  layerFromObject,
  layerFromVariables,
  type NodeConfig,
  type NodeSettings,
  nameFromHost,
  parseConfig,
  resolveConfig,
} from '../src/config.ts'
import { ReeveError } from '../src/errors.ts'

const surroundings = { hostName: 'machine.example', resolvePath: (path: string) => `/abs/${path}` }

const configOf = (settings: NodeSettings): NodeConfig => parseConfig(settings, surroundings)

/** The lines of the CONFIG_INVALID that `run` throws. */
function problemsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof ReeveError)
    assert.equal(error.code, 'CONFIG_INVALID')
    return error.message.split('\n')
  }
  return assert.fail('nothing was wrong')
}

test('an empty object is a node on loopback with the defaults', () => {
  const config = configOf({})
  assert.equal(config.nodeName, 'machine.example')
  assert.equal(config.clusterName, 'reeve')
  assert.deepEqual(config.bindAddr, { host: '127.0.0.1', port: 7946 })
  assert.equal(config.rpcHost, '127.0.0.1')
  assert.equal(config.rpcPort, 8400)
  assert.equal(config.httpPort, undefined)
  assert.equal(config.dataDir, '/abs/reeve-data')
  assert.deepEqual(config.startJoinAddrs, [])
  assert.equal(config.durability, 'fsync')
  assert.equal(config.segmentMaxBytes, 64 * 1024 * 1024)
  assert.equal(config.serverTls, undefined)
  assert.equal(config.peerTls, undefined)
})

test('flags win over variables, variables over the file, the file over defaults', () => {
  const flags = layerFromFlags(new Map([['--rpc-port', '1']]))
  const variables = layerFromVariables({ REEVE_RPC_PORT: '2', REEVE_NODE_NAME: 'from-variable', HOME: '/root' })
  const file = layerFromFile('rpcPort: 3\nnodeName: from-file\nclusterName: from-file\n', 'reeve.yaml')
  const config = resolveConfig([flags, variables, file], surroundings)
  assert.equal(config.rpcPort, 1)
  assert.equal(config.nodeName, 'from-variable')
  assert.equal(config.clusterName, 'from-file')
  assert.equal(config.drainTimeoutMs, 10_000)
})

test('retention is said with units, or not at all', () => {
  const given = { retentionMs: '7d', retentionBytes: '10GiB', retentionRecords: '5' } as const
  const { retentionMs, retentionBytes, retentionRecords } = configOf(given)
  assert.deepEqual([retentionMs, retentionBytes, retentionRecords], [604_800_000, 10 * 1024 ** 3, 5])
  assert.deepEqual([configOf({}).retentionMs, configOf({ retentionMs: '0' }).retentionMs], [0, 0])
  for (const wrong of [
    { retentionMs: '7 moons' },
    { retentionMs: 10 },
    { retentionBytes: '1KiB' },
    { retentionRecords: -1 },
  ]) {
    assert.throws(() => configOf(wrong), { code: 'CONFIG_INVALID' })
  }
})

test('every way of giving settings leads to the same configuration', () => {
  const expected = configOf({
    nodeName: 'a',
    bindAddr: '[::1]:0',
    startJoinAddrs: ['127.0.0.1:7000', 'seed.example'],
    tags: { role: 'db' },
    httpPort: 0,
    segmentMaxBytes: 2 * 1024 * 1024,
    serverTls: { certFile: 'cert.pem', keyFile: 'key.pem', caFile: 'ca.pem' },
  })
  const texts = new Map([
    ['nodeName', 'a'],
    ['bindAddr', '[::1]:0'],
    ['startJoinAddrs', '127.0.0.1:7000, seed.example'],
    ['tags', 'role=db'],
    ['httpPort', '0'],
    ['segmentMaxBytes', '2MiB'],
    ['serverTls.certFile', 'cert.pem'],
    ['serverTls.keyFile', 'key.pem'],
    ['serverTls.caFile', 'ca.pem'],
  ])
  const given = fields.filter((field) => texts.has(field.path))
  const flags = layerFromFlags(new Map(given.map((field) => [field.flag, texts.get(field.path)])))
  const variables = layerFromVariables(Object.fromEntries(given.map((f) => [f.variable, texts.get(f.path)])))
  const yaml = layerFromFile(
    `nodeName: a
bindAddr: '[::1]:0'
startJoinAddrs: [127.0.0.1:7000, seed.example]
tags: { role: db }
httpPort: 0
segmentMaxBytes: 2 MiB
serverTls: { certFile: cert.pem, keyFile: key.pem, caFile: ca.pem }`,
    'reeve.yaml',
  )
  const json = layerFromFile(
    '{"nodeName":"a","bindAddr":"[::1]:0","startJoinAddrs":"127.0.0.1:7000,seed.example","tags":{"role":"db"},\n' +
      '"httpPort":0,"segmentMaxBytes":2097152,"serverTls":{"certFile":"cert.pem","keyFile":"key.pem","caFile":"ca.pem"}}',
    'reeve.json',
  )
  for (const layer of [flags, variables, yaml, json]) assert.deepEqual(resolveConfig([layer], surroundings), expected)
  assert.deepEqual(expected.startJoinAddrs[1], { host: 'seed.example', port: 7946 })
  assert.equal(expected.rpcHost, '::1')
})

test('everything wrong is reported at once, with the place each comes from', () => {
  const flags = layerFromFlags(new Map<string, unknown>([['--bind-addr', 'nowhere']]), ['--node-nam', 'word'])
  const variables = layerFromVariables({ REEVE_RPC_PORT: '70000', REEVE_ACL_POLICY: 'p.csv', REEVE_NODE_NAME: '' })
  const file = layerFromFile('logLevel: loud\nserverTls:\n  certfile: x\nhttpport: 1\n', 'reeve.yaml')
  assert.deepEqual(problemsOf(() => resolveConfig([flags, variables, file], surroundings)).sort(), [
    '--bind-addr: needs an IP address and port such as 127.0.0.1:7946 or [::1]:7946, not "nowhere"',
    '--node-nam: there is no such flag (did you mean --node-name?)',
    'REEVE_ACL_POLICY: there is no such variable (did you mean REEVE_ACL_POLICY_FILE?)',
    'REEVE_NODE_NAME: is empty; unset it to use the default',
    'REEVE_RPC_PORT: needs a port, 0 to 65535, not "70000"',
    'reeve.yaml:1 logLevel: needs one of trace, debug, info, warn, error, fatal, silent, not "loud"',
    'reeve.yaml:3 serverTls.certfile: there is no such setting (did you mean serverTls.certFile?)',
    'reeve.yaml:4 httpport: there is no such setting (did you mean httpPort?)',
    'word: reeve agent takes flags only',
  ])
})

test('an object given by a program is checked as strictly', () => {
  const settings = { nodeName: 7, rpcport: 1, serverTls: 'x', tags: { a: 1 }, insecure: 'maybe' }
  assert.deepEqual(problemsOf(() => configOf(settings as unknown as NodeSettings)).sort(), [
    'insecure: needs true or false, not "maybe"',
    'nodeName: needs a name of 1 to 128 letters, digits, dots, dashes or underscores that begins with a letter or ' +
      'digit, not 7',
    'rpcport: there is no such setting (did you mean rpcPort?)',
    'serverTls: needs an object',
    'tags: needs KEY=VALUE, more than one separated by commas, not {"a":1}',
  ])
})

test('plain text on an address that others can reach must be spelled out', () => {
  assert.match(
    problemsOf(() => resolveConfig([layerFromFlags(new Map([['--bind-addr', '0.0.0.0:1']]))], surroundings))[0]!,
    /^--bind-addr: the RPC port would speak plain text on 0\.0\.0\.0/,
  )
  assert.match(problemsOf(() => configOf({ rpcHost: '10.0.0.1' }))[0]!, /^rpcHost: .*plain text/)
  assert.match(problemsOf(() => configOf({ rpcHost: '::' }))[0]!, /plain text/)
  assert.match(problemsOf(() => configOf({ httpPort: 1, httpHost: '10.0.0.1' }))[0]!, /^httpHost: .*plain text/)
  assert.equal(configOf({ bindAddr: '10.0.0.1:7946', insecure: true }).rpcHost, '10.0.0.1')
  assert.equal(configOf({ bindAddr: '10.0.0.1:7946', rpcHost: '127.0.0.1' }).rpcHost, '127.0.0.1')
  const tls = { certFile: 'c', keyFile: 'k' }
  assert.equal(configOf({ bindAddr: '0.0.0.0:7946', serverTls: tls }).rpcHost, '0.0.0.0')
})

test("the port for Serf's command line stays on loopback, has one key, and is not there twice", () => {
  assert.deepEqual(configOf({ serfRpcAddr: '127.0.0.1' }).serfRpcAddr, { host: '127.0.0.1', port: 7373 })
  assert.match(problemsOf(() => configOf({ serfRpcAddr: '0.0.0.0:1' }))[0]!, /^serfRpcAddr: .*plain text/)
  assert.match(problemsOf(() => configOf({ serfAgent: '10.0.0.1:1' }))[0]!, /^serfAgent: .*plain text/)
  assert.equal(configOf({ serfRpcAddr: '0.0.0.0:1', insecure: true }).serfRpcAddr?.port, 1)
  const at = '127.0.0.1:1'
  assert.match(problemsOf(() => configOf({ serfRpcAuth: 'x' }))[0]!, /^serfRpcAuth: needs serfRpcAddr/)
  const both = { serfRpcAddr: at, serfRpcAuth: 'sesame', serfRpcAuthFile: 'f' }
  assert.deepEqual(
    problemsOf(() => configOf(both)),
    ['serfRpcAuthFile: serfRpcAuth gives a key already'],
  )
  assert.match(problemsOf(() => configOf({ serfRpcAddr: at, serfAgent: at }))[0]!, /give one of the two/)
  assert.equal(configOf({ serfAgent: at, serfRpcAuthFile: 'f' }).serfRpcAuthFile, '/abs/f')
})

test('half a TLS or ACL configuration is refused, never read as none', () => {
  assert.deepEqual(
    problemsOf(() => configOf({ serverTls: { certFile: 'c' } })),
    ['serverTls.certFile: needs serverTls.keyFile with it'],
  )
  assert.deepEqual(
    problemsOf(() => configOf({ serverTls: { caFile: 'c' } })),
    ['serverTls.caFile: needs serverTls.certFile and serverTls.keyFile with it'],
  )
  assert.match(
    problemsOf(() => configOf({ peerTls: { certFile: 'c', keyFile: 'k' } }))[0]!,
    /^peerTls: needs serverTls/,
  )
  assert.deepEqual(
    problemsOf(() => configOf({ aclModelFile: 'm' })),
    ['aclModelFile: needs aclPolicyFile with it'],
  )
})

test('a node with one certificate shows it to peers too', () => {
  const serverTls = { certFile: 'c', keyFile: 'k', caFile: 'a' }
  assert.deepEqual(configOf({ serverTls }).peerTls, { certFile: '/abs/c', keyFile: '/abs/k', caFile: '/abs/a' })
  assert.deepEqual(configOf({ serverTls, peerTls: { certFile: 'pc', keyFile: 'pk' } }).peerTls, {
    certFile: '/abs/pc',
    keyFile: '/abs/pk',
    caFile: '/abs/a',
  })
})

test('settings that contradict each other are refused', () => {
  assert.match(
    problemsOf(() => configOf({ joinRetryMs: 5000, joinRetryMaxMs: 1000 }))[0]!,
    /^joinRetryMaxMs: is shorter/,
  )
  assert.match(problemsOf(() => configOf({ bindAddr: '127.0.0.1:8400' }))[0]!, /^rpcPort: gossip already has/)
  assert.match(problemsOf(() => configOf({ httpPort: 8400 }))[0]!, /^httpPort: is the RPC port/)
  assert.match(problemsOf(() => configOf({ maxBatchBytes: '1MiB', segmentMaxBytes: '64KiB' }))[0]!, /must fit/)
})

test('tags: what the node sets itself and what does not fit is refused', () => {
  assert.deepEqual(
    [...configOf({ tags: 'a=1,b=x=y' }).tags],
    [
      ['a', '1'],
      ['b', 'x=y'],
    ],
  )
  assert.match(problemsOf(() => configOf({ tags: { rpc_addr: 'x' } }))[0]!, /rpc_addr is the node's own/)
  assert.match(problemsOf(() => configOf({ tags: { big: 'x'.repeat(400) } }))[0]!, /gossip has room for/)
  for (const tags of ['a', '=1', 'a=1,a=2', 'a b=1'])
    assert.match(problemsOf(() => configOf({ tags }))[0]!, /KEY=VALUE/)
  const file = layerFromFile('tags:\n  __proto__: x\n', 'f')
  assert.equal(resolveConfig([file], surroundings).tags.get('__proto__'), 'x')
})

test('a file that is no configuration is refused with its line', () => {
  const problemsIn = (text: string) => problemsOf(() => resolveConfig([layerFromFile(text, 'f')], surroundings))
  assert.match(problemsIn('nodeName: [a\nb: 1')[0]!, /^f:\d: /)
  assert.match(problemsIn('nodeName: a\nnodeName: b')[0]!, /^f:2: .*unique/i)
  assert.deepEqual(problemsIn('- a'), ['f: needs keys and values at its top level'])
  assert.deepEqual(problemsIn('serverTls: yes'), ['f:1 serverTls: needs keys and values below it'])
  assert.match(problemsIn('nodeName: *gone')[0]!, /^f:1/)
  assert.match(problemsIn(`#${'x'.repeat(1024 * 1024)}`)[0]!, /larger than/)
  assert.match(problemsIn('__proto__: 1')[0]!, /no such setting/)
  assert.match(problemsIn('? [a]\n: 1')[0]!, /no such setting/)
  assert.equal(resolveConfig([layerFromFile('', 'f')], surroundings).nodeName, 'machine.example')
})

test('no text crashes the reader of files', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      try {
        resolveConfig([layerFromFile(text, 'f')], surroundings)
      } catch (error) {
        assert.ok(error instanceof ReeveError, String(error))
      }
    }),
  )
})

test('variables that Kubernetes sets for a service called reeve are not taken for settings', () => {
  const layer = layerFromVariables({
    REEVE_SERVICE_HOST: '10.0.0.1',
    REEVE_SERVICE_PORT_GOSSIP: '7946',
    REEVE_PORT: 'tcp://10.0.0.1:7946',
    REEVE_PORT_7946_TCP_ADDR: '10.0.0.1',
    REEVE_DEBUG: '1',
  })
  assert.deepEqual(layer, { settings: [], problems: [] })
})

test('a name is made of any host name', () => {
  assert.equal(nameFromHost('büro pc'), 'b-ro-pc')
  assert.equal(nameFromHost('...'), 'node')
  assert.equal(nameFromHost('CON'), 'node')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (hostName) => {
      parseConfig({}, { ...surroundings, hostName })
    }),
  )
})

test('the table names every setting once, and its flags and variables follow from the path', () => {
  assert.equal(new Set(fields.map((field) => field.path)).size, fields.length)
  const certificate = fields.find((field) => field.path === 'serverTls.certFile')
  assert.equal(certificate?.flag, '--server-tls-cert-file')
  assert.equal(certificate?.variable, 'REEVE_SERVER_TLS_CERT_FILE')
  const lines = configTableMarkdown().trimEnd().split('\n')
  assert.equal(lines.length, fields.length + 2)
  assert.ok(
    lines.includes(
      '| `rpcPort` | `--rpc-port` | `REEVE_RPC_PORT` | 8400 | Port for gRPC, gRPC-Web and Connect; 0 lets the system pick. |',
    ),
  )
  assert.deepEqual(layerFromObject({}).settings, [])
})

test('the keys of gossip: one way to give them, none to see them', () => {
  const key = Buffer.alloc(32, 7).toString('base64')
  const config = configOf({ gossipKey: key })
  assert.deepEqual(config.gossipKey?.(), new Uint8Array(32).fill(7))
  assert.equal(JSON.stringify(config).includes(key), false)
  assert.equal(configOf({ gossipKeyringFile: 'keys.json' }).gossipKeyringFile, '/abs/keys.json')
  assert.deepEqual(
    problemsOf(() => configOf({ gossipKey: key, gossipKeyringFile: 'keys.json' })),
    ['gossipKeyringFile: excludes gossipKey; put that key into the file'],
  )
  assert.deepEqual(
    problemsOf(() => configOf({ gossipKeyringFile: 'keys.json', serfAgent: '127.0.0.1:7373' })),
    ['gossipKeyringFile: serfAgent does the gossip, with the keys that it was given'],
  )
  assert.deepEqual(
    problemsOf(() => configOf({ gossipAcceptPlain: true })),
    ['gossipAcceptPlain: needs gossipKey or gossipKeyringFile with it'],
  )
  for (const wrong of [`${key}x`, key.slice(4), '', 'hunter2']) {
    const [problem, ...others] = problemsOf(() => configOf({ gossipKey: wrong }))
    assert.deepEqual(
      [problem, others],
      ['gossipKey: needs base64 of 16, 24 or 32 bytes, as `reeve keygen` prints it, not what was given', []],
    )
  }
  assert.equal(configOf({ gossipLabel: 'blue' }).gossipLabel, 'blue')
  assert.equal(problemsOf(() => configOf({ gossipLabel: 'ä'.repeat(128) })).length, 1)
})
