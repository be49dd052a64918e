import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseKey } from '../../src/gossip/keys.ts'
import { reeve } from './capture.ts'

test('keygen prints a key of 32 bytes, another one each time', async () => {
  const [one, other] = [await reeve('keygen'), await reeve('keygen')]
  assert.equal(one.code, 0)
  const key = parseKey(one.stdout.trimEnd())
  assert.equal(key.ok && key.value.length, 32)
  assert.notEqual(one.stdout, other.stdout)
})
