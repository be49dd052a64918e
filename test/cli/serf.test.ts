import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { pino } from 'pino'
import { realClock } from '../../src/env/real-clock.ts'
import { realStreams } from '../../src/env/real-streams.ts'
import { openSerfRpc, type SerfRpc } from '../../src/serf-rpc/port.ts'
import { FakeAgent, member } from '../serf-rpc/fake-agent.ts'
import { reeve } from './capture.ts'

const agent = new FakeAgent()
let port: SerfRpc
before(async () => {
  const env = { clock: realClock, streams: realStreams }
  const at = { host: '127.0.0.1', port: 0 }
  port = await openSerfRpc({ env, at, agent, authKey: 'sesame', log: pino({ level: 'silent' }) })
})
after(() => port.close())

const at = () => ['--serf-rpc-addr', `${port.address.host}:${port.address.port}`]
const ask = (...words: string[]) => reeve(...words, ...at(), '--serf-rpc-auth', 'sesame')
const orders = () => agent.orders.splice(0)

test('event, force-leave: done and said', async () => {
  assert.deepEqual(await ask('event', 'deploy', 'v1', '--coalesce'), {
    code: 0,
    stdout: 'event deploy is on its way\n',
    stderr: '',
  })
  assert.equal((await ask('event', 'deploy', 'x'.repeat(600))).code, 2)
  assert.deepEqual(JSON.parse((await ask('force-leave', 'c', '--prune', '--json')).stdout), { node: 'c' })
  assert.deepEqual(orders(), ['event deploy v1 true', 'forceLeave c true'])
})

test('query: answers as lines or JSON, and how many there were', async () => {
  agent.answers = [
    { kind: 'ack', from: 'a' },
    { kind: 'response', from: 'b', payload: Buffer.from('0.5\n') },
    { kind: 'response', from: 'c', payload: Uint8Array.of(0xff) },
  ]
  const words = ['query', 'load', 'now', '--deadline-ms', '2000']
  assert.deepEqual(await ask(...words), {
    code: 0,
    stdout: 'a: heard\nb: 0.5\nc: {"base64":"/w=="}\n',
    stderr: '1 acks, 2 responses\n',
  })
  assert.equal(
    (await ask(...words, '--json')).stdout,
    '{"type":"ack","from":"a"}\n{"type":"response","from":"b","payload":"0.5\\n"}\n' +
      '{"type":"response","from":"c","payload":{"base64":"/w=="}}\n',
  )
  assert.deepEqual(orders(), ['query load now 2000', 'query load now 2000'])
  assert.equal((await ask('query', '_serf_bad')).code, 2)
})

test('keys: a table that shows no key; what did not work everywhere is a failure with names', async () => {
  const listed = await ask('keys', 'list')
  assert.match(listed.stdout, /^key +members +in use\n[0-9a-f]{8} +3\/3 +-\n$/)
  assert.deepEqual(await ask('keys', 'use', 'AAAA'), { code: 0, stdout: 'done on 3 members\n', stderr: '' })
  assert.equal((await ask('keys', 'install', '!!!')).code, 2)
  Object.assign(agent.keyResult, { errors: 1, messages: new Map([['b', 'no such key']]) })
  assert.deepEqual(await ask('keys', 'remove', 'AAAA'), {
    code: 1,
    stdout: '',
    stderr: 'b: no such key\nreeve: 1/3 nodes reported failure\n',
  })
  const json = await ask('keys', 'list', '--json')
  assert.deepEqual([json.code, JSON.parse(json.stdout).messages], [1, { b: 'no such key' }])
  assert.equal(json.stdout.includes('AAEC'), false)
  orders()
})

test('rtt: between two members, or from the one that is asked', async () => {
  assert.deepEqual(await ask('rtt', 'bravo'), { code: 0, stdout: 'bravo - alpha: 0.020 ms\n', stderr: '' })
  const json = JSON.parse((await ask('rtt', 'bravo', 'charlie', '--json')).stdout)
  assert.deepEqual(json, { from: 'bravo', to: 'charlie', rttMs: 0.02 })
  assert.deepEqual(await ask('rtt', 'bravo', 'nobody'), {
    code: 1,
    stdout: '',
    stderr: 'reeve: nobody has no coordinate: it is no member, or was not probed yet\n',
  })
})

test('monitor: lines and events until it is interrupted', async () => {
  agent.lines.write(JSON.stringify({ level: 30, time: '2026-01-02T15:04:05.678Z', msg: 'ready' }))
  const listen = agent.listen.bind(agent)
  agent.listen = (listener) => {
    setImmediate(() => agent.tell({ kind: 'failed', members: [member('delta', {}, 'failed')] }))
    // Interrupted once both were printed.
    const print = process.stdout.write
    let printed = ''
    process.stdout.write = ((data: string) => {
      if (typeof data === 'string') printed += data
      if (printed.includes('ready') && printed.includes('delta')) setImmediate(() => process.emit('SIGINT'))
      return print.call(process.stdout, data)
    }) as typeof process.stdout.write
    return listen(listener)
  }
  const { code, stdout } = await ask('monitor', '--events', 'member-failed')
  agent.listen = listen
  assert.equal(code, 130)
  assert.match(stdout, /2026\/01\/02 15:04:05 \[INFO\] agent: ready\n/)
  assert.match(stdout, /member-failed: delta\n/)
})

test('who may not, and where nobody answers, is told by the exit code', async () => {
  assert.equal((await reeve('event', 'x', ...at())).code, 4)
  assert.equal((await reeve('event', 'x', ...at(), '--serf-rpc-auth', 'open')).code, 4)
  assert.equal((await reeve('event', 'x', '--serf-rpc-addr', '127.0.0.1:1')).code, 3)
})
