import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalHost, formatIp, parseIp } from '../../src/gossip/ip.ts'

test('every address survives the way through text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      const text = formatIp(bytes) as string
      assert.notEqual(isIP(text), 0, text)
      assert.equal(text, canonicalHost(text))
      if (isIP(text) === 6) assert.deepEqual(parseIp(text), bytes)
    }),
  )
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(formatIp(parseIp(text) as Uint8Array), text)))
})

test('what the system calls an IPv6 address is one', () => {
  fc.assert(fc.property(fc.ipV6(), (text) => assert.equal(parseIp(text)?.length, 16, text)))
})

test('the forms of one address have one text', () => {
  assert.equal(canonicalHost('::ffff:10.1.2.3'), '10.1.2.3')
  assert.equal(canonicalHost('::FFFF:0A01:0203'), '10.1.2.3')
  assert.equal(canonicalHost('2001:DB8:0:0:0:0:0:1'), '2001:db8::1')
  assert.equal(canonicalHost('fe80::1%eth0'), 'fe80::1')
  assert.equal(canonicalHost('0:0:0:0:0:0:0:0'), '::')
  assert.equal(canonicalHost('1:0:0:2:0:0:0:3'), '1:0:0:2::3')
})

test('other text and other lengths are no addresses', () => {
  for (const text of [
    '',
    'localhost',
    '1.2.3',
    '1.2.3.256',
    '1.2.3.4.5',
    '1::2::3',
    '1:2:3',
    ':::',
    '12345::',
    'g::',
  ]) {
    assert.equal(parseIp(text), undefined, text)
  }
  assert.equal(formatIp(new Uint8Array(5)), undefined)
  assert.equal(canonicalHost('localhost'), 'localhost')
})
