import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { ReeveError } from '../../src/errors.ts'
import { Recorder } from '../../src/inspector/recorder.ts'
import { redactContext, redactText } from '../../src/inspector/redact.ts'
import { showEvent } from '../../src/inspector/shown-event.ts'
import { actingNode, peer } from './acting-node.ts'

const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
const pemLine = privateKey.split('\n')[1] as string

/** What must not be found in anything that leaves a recorder. */
const canaries = {
  pem: privateKey,
  pemLine,
  gossipKey16: randomBytes(16).toString('base64'),
  gossipKey24: Buffer.alloc(24, 'canary-canary').toString('base64'),
  gossipKey32: randomBytes(32).toString('base64'),
  token: randomBytes(24).toString('hex'),
  value: 'a record of a user, canary-value',
}

describe('what may be seen', () => {
  it('never holds a key, a certificate or a token, in whatever it is planted', async () => {
    const clock = { now: () => 1_000, setTimeout: () => ({}) as never, clearTimeout: () => {} }
    const recorder = new Recorder({ node: 'a', epoch: 'e0', clock })
    const node = actingNode(recorder.inspect)
    await node.up()
    node.join('b')
    for (const canary of Object.values(canaries)) {
      const message = canary === canaries.value ? 'harmless' : `cannot use ${canary}`
      node.say('pull of b', 'pull.failed', { reason: { code: 'UNAVAILABLE', message } })
      node.say('gossip', 'member.updated', {
        peer: { ...peer('c'), secret: canary, tags: { password: canary } },
        payload: canary,
        bytes: Buffer.from(canary),
      })
      node.say('gossip', 'gossip.unreached', { reason: { code: 'X', message }, stack: canary })
    }
    recorder.crashed(node.root, new ReeveError('TLS_INVALID', `bad key ${privateKey}`))
    const told = JSON.stringify(recorder.history())
    for (const [name, canary] of Object.entries(canaries)) {
      for (const line of canary.split('\n')) if (line.length > 20) assert.ok(!told.includes(line), name)
    }
    assert.ok(told.includes('cannot use (hidden)'))
    assert.ok(told.includes('member.updated'))
  })

  it('leaves names, addresses, epochs, paths and sentences as they are', () => {
    const harmless = [
      'no member could be joined: 127.0.0.1:7946: ECONNREFUSED',
      '0193a4b2-5f00-7abc-8def-0123456789ab is not (or no longer) the run of node-2 we meant',
      '/var/lib/reeve/topics/orders/node-2/00000000000000000000.log: ENOSPC',
      'the peer did not answer in time',
    ]
    for (const text of harmless) assert.equal(redactText(text), text)
    const long = 'production-eventlog-node-with-a-very-long-name-01'
    const event = showEvent({ type: 'member.joined', peer: { name: long, epoch: 'e', address: 'h:1' } })
    assert.equal(event.fields?.['peer.name'], long)
    assert.equal(event.rest, undefined)
  })

  it('is bounded, plain JSON, and the same when it is looked at again', () => {
    const cyclic: Record<string, unknown> = { name: 'x' }
    cyclic.self = cyclic
    const context = {
      big: 10n ** 20n,
      bytes: new Uint8Array(5000),
      cyclic,
      infinite: Number.POSITIVE_INFINITY,
      many: Array.from({ length: 5000 }, (_, index) => index),
      none: undefined,
      text: 'x y '.repeat(10_000),
      work: () => 1,
      gossipKey: 'abc',
      nested: { authToken: 'abc', key: 'abc', at: 1 },
    }
    const shown = redactContext(context)
    assert.deepEqual(JSON.parse(JSON.stringify(shown)), shown)
    assert.ok(JSON.stringify(shown).length < 10_000)
    assert.deepEqual(shown.gossipKey, { hidden: true })
    assert.deepEqual(shown.nested, { authToken: { hidden: true }, key: { hidden: true }, at: 1 })
    assert.equal((shown.bytes as { bytes: number }).bytes, 5000)
    assert.ok('hash' in (shown.many as object))
    assert.deepEqual(redactContext(shown), shown)
  })
})
