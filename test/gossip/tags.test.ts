import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeTags, encodeTags, maxMetaBytes } from '../../src/gossip/tags.ts'
import { anyName, mutated } from './arbitraries.ts'
import { fromHex, type Json, leaves, plainVectors, toHex } from './golden.ts'

const anyTags = fc.array(fc.tuple(anyName, anyName), { maxLength: 8 }).map((entries) => new Map(entries))

describe('the tags of a member', () => {
  it('are the recorded ones', () => {
    const metas = [
      ...plainVectors('udp').flatMap(({ decoded }) => leaves(decoded.message).map((leaf: Json) => leaf.body?.Meta)),
      ...plainVectors('tcp').flatMap(({ decoded }) => decoded.message.nodes?.map((node: Json) => node.Meta)),
    ].filter((meta) => meta?.tags !== undefined)
    assert.equal(metas.length > 20, true)
    for (const meta of metas) {
      const tags = decodeTags(fromHex(meta.$hex))
      assert.deepEqual(tags, new Map(Object.entries(meta.tags)))
      const again = encodeTags(tags)
      assert.ok(again.ok, 'tags within the limit')
      assert.equal(toHex(again.value), meta.$hex)
    }
  })

  it('are read as they were written, or refused for their size', () => {
    fc.assert(
      fc.property(anyTags, (tags) => {
        const meta = encodeTags(tags)
        if (meta.ok) {
          assert.equal(meta.value.length <= maxMetaBytes, true)
          assert.deepEqual(decodeTags(meta.value), tags)
        } else {
          assert.equal(meta.problem, 'Encoded length of tags exceeds limit of 512 bytes')
        }
      }),
    )
  })

  it('have 512 bytes and not one more', () => {
    // ff, map head, fixstr 'k', str16 head: 7 bytes around the value.
    assert.equal(encodeTags(new Map([['k', 'v'.repeat(505)]])).ok, true)
    assert.equal(encodeTags(new Map([['k', 'v'.repeat(506)]])).ok, false)
  })

  it('are the role alone where the marker is missing', () => {
    assert.deepEqual(decodeTags(new TextEncoder().encode('cache')), new Map([['role', 'cache']]))
    assert.deepEqual(decodeTags(new Uint8Array(0)), new Map([['role', '']]))
  })

  it('are those before the break where they break off', () => {
    assert.deepEqual(decodeTags(fromHex('ffff')), new Map())
    assert.deepEqual(decodeTags(fromHex('ff82a161a131a162')), new Map([['a', '1']]))
  })

  it('may be longer than ours from others', () => {
    const long = Uint8Array.of(0xff, 0x81, 0xa1, 0x6b, 0xda, 0x02, 0x58, ...new Uint8Array(600).fill(0x76))
    assert.deepEqual(decodeTags(long), new Map([['k', 'v'.repeat(600)]]))
  })

  it('survive any bytes', () => {
    const almost = mutated(
      anyTags.map((tags) => encodeTags(tags)).map((meta) => (meta.ok ? meta.value : new Uint8Array())),
    )
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), almost), (bytes) => {
        assert.equal(decodeTags(bytes).size <= Math.max(1, bytes.length), true)
      }),
    )
  })
})
