import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  decodeKeyRequest,
  decodeKeyResponse,
  encodeKeyList,
  encodeKeyRequest,
  encodeKeyResponse,
} from '../../src/gossip/key-codec.ts'
import { fromHex, golden, type Json, toHex } from './golden.ts'

/** Payloads of recorded key queries and their answers. */
const recorded: { name: string; hex: string; body: Json }[] = golden('udp-encrypted')
  .vectors.filter(({ name }: Json) => /^enc-(query-.*-key|key-response)/.test(name))
  .map(({ name, decoded }: Json) => {
    const serf = (decoded.message.inner ?? decoded.message).serf
    return { name, hex: serf.body.Payload.$hex, body: serf.payload.body }
  })

describe('recorded key messages', () => {
  for (const { name, hex, body } of recorded) {
    test(name, () => {
      const payload = fromHex(hex)
      if (name.startsWith('enc-query')) {
        const decoded = decodeKeyRequest(payload)
        assert.ok(decoded.ok)
        assert.equal(toHex(decoded.value.key), body.Key.$hex)
        assert.equal(toHex(encodeKeyRequest(decoded.value.key)), hex)
      } else {
        const decoded = decodeKeyResponse(payload)
        assert.ok(decoded.ok)
        const { result, message, keys, primaryKey } = decoded.value
        assert.deepEqual(
          [result, message, keys, primaryKey],
          [body.Result, body.Message, body.Keys ?? [], body.PrimaryKey],
        )
        assert.equal(toHex(encodeKeyResponse(decoded.value)), hex)
      }
    })
  }

  test('were there', () => assert.equal(recorded.length, 7))
})

test('whatever the bytes, there is an outcome', () => {
  fc.assert(
    fc.property(fc.constantFrom(7, 8), fc.uint8Array({ maxLength: 80 }), (type, rest) => {
      const payload = Uint8Array.of(type, ...rest)
      for (const outcome of [decodeKeyRequest(payload), decodeKeyResponse(payload)]) {
        if (!outcome.ok) assert.equal(outcome.problem.length > 0, true)
      }
    }),
  )
  for (const empty of [new Uint8Array(0), Uint8Array.of(7)]) assert.equal(decodeKeyRequest(empty).ok, false)
})

test('a list of keys is cut to what fits, and says so', () => {
  const keys = Array.from({ length: 64 }, (_, number) => Buffer.alloc(32, number).toString('base64'))
  const all = encodeKeyList(keys, 10_000)
  const few = encodeKeyList(keys, 900)
  assert.ok(few.length <= 900 && few.length > 850)
  const [whole, cut] = [decodeKeyResponse(all), decodeKeyResponse(few)]
  assert.ok(whole.ok && cut.ok)
  assert.deepEqual([whole.value.keys.length, whole.value.message], [64, ''])
  const count = cut.value.keys.length
  assert.deepEqual(cut.value, {
    kind: 'keyResponse',
    result: true,
    message: `truncated key list response, showing first ${count} of 64 keys`,
    keys: keys.slice(0, count),
    primaryKey: keys[0],
  })
})
