import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  epochFromBytes,
  epochToBytes,
  logKey,
  parseEpoch,
  parseNodeName,
  parseStoredTopicName,
  parseTopicName,
} from '../../src/log/log-id.ts'

const unsafe = [
  ...['', '.', '..', '../x', 'a/b', 'a\\b', '/etc/passwd', 'a\0', '\0', ' a', 'a b', 'a\n', 'a\n\n', '-a', '_a', '.a'],
  ...['__proto__', 'ä', 'a:b', 'a*', 'a.', 'a..', 'x'.repeat(129), 'x'.repeat(300), '\ud800'],
  ...['CON', 'con', 'Nul', 'prn.txt', 'AUX', 'aux.x.y', 'COM1', 'com0', 'lpt9.log', 'LPT3'],
]
const safe = [
  'a',
  'Z',
  '0',
  'orders',
  'a.b',
  'a-b_c.d',
  'constructor',
  'CONS',
  'com',
  'com10',
  'x.con',
  'x'.repeat(128),
]

test('names that could be unsafe in a path are refused, for topics and nodes alike', () => {
  for (const name of unsafe) {
    for (const parse of [parseTopicName, parseNodeName]) {
      const parsed = parse(name)
      assert.equal(parsed.ok, false, JSON.stringify(name))
      assert.ok(!parsed.ok && parsed.problem.length < 250)
    }
  }
})

test('ordinary names are taken as they are', () => {
  for (const name of safe) assert.deepEqual(parseTopicName(name), { ok: true, value: name })
})

test('topics of the nodes themselves can be stored, but no user can name one', () => {
  assert.equal(parseTopicName('_catalog').ok, false)
  assert.deepEqual(parseStoredTopicName('_catalog'), { ok: true, value: '_catalog' })
  assert.deepEqual(parseStoredTopicName('orders'), { ok: true, value: 'orders' })
  for (const name of ['_', '__catalog', '_../x', '_a/b', '_CON', '_.a']) {
    assert.equal(parseStoredTopicName(name).ok, false, name)
  }
})

test('an epoch is 16 bytes or 36 characters, one spelling only', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const epoch = epochFromBytes(bytes)
      assert.ok(epoch.ok && parseEpoch(epoch.value).ok)
      assert.deepEqual(epochToBytes(epoch.value), bytes)
    }),
  )
  const text = '0198a1b2-c3d4-7000-8000-00000000000a'
  assert.equal(Buffer.from(epochToBytes(text)).toString('hex'), text.replaceAll('-', ''))
  for (const wrong of [
    text.toUpperCase(),
    text.slice(1),
    `${text}0`,
    text.replaceAll('-', ''),
    '',
    `${text}\n`,
    '..',
  ]) {
    assert.equal(parseEpoch(wrong).ok, false, wrong)
  }
  for (const length of [0, 15, 17]) assert.equal(epochFromBytes(new Uint8Array(length)).ok, false)
})

test('the key of a log spells its folder', () => {
  assert.equal(logKey({ topic: 'orders', origin: 'a', epoch: 'e' }), 'orders/a/e')
})
