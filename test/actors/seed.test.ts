import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSeed } from '../../src/actors/seed.ts'

test('seeds are read as people write them', () => {
  const cases: [string, string, number][] = [
    ['10.0.0.1', '10.0.0.1', 7946],
    ['10.0.0.1:99', '10.0.0.1', 99],
    ['node.example:99', 'node.example', 99],
    ['node.example', 'node.example', 7946],
    ['web-1/10.0.0.1:99', '10.0.0.1', 99],
    ['[::1]:99', '::1', 99],
    ['[::1]', '::1', 7946],
    ['::1', '::1', 7946],
    ['fe80::1%eth0', 'fe80::1%eth0', 7946],
    ['web-1/[2001:db8::1]:99', '2001:db8::1', 99],
  ]
  for (const [text, host, port] of cases) assert.deepEqual(parseSeed(text, 7946), { host, port }, text)
})

test('what is no address is not taken for one', () => {
  for (const text of ['', ':99', 'a b', 'host:', 'host:0', 'host:99999', 'host:1:2', '[::1', '[host]:1', 'name/']) {
    assert.equal(parseSeed(text, 7946), undefined, text)
  }
})
