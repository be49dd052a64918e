import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compressLzw, expandLzw } from '../../src/gossip/lzw.ts'
import { mutated } from './arbitraries.ts'
import { fromHex, golden, type Json, toHex } from './golden.ts'

/** What the recording does not list, it names. */
function plainOf(vector: Json): Uint8Array {
  if (vector.plain !== undefined) return fromHex(vector.plain)
  const plain = new Uint8Array(vector.plainBytes)
  if (vector.name.endsWith('zero bytes')) return plain
  let state = 1
  return plain.map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('LZW as Go writes it', () => {
  for (const vector of golden('lzw').vectors) {
    it(`${vector.name}, ${vector.plainBytes} bytes`, () => {
      const plain = plainOf(vector)
      assert.equal(sha256(plain), vector.plainSha256)
      const packed = compressLzw(plain)
      assert.equal(packed.length, vector.lzwBytes)
      assert.equal(sha256(packed), vector.lzwSha256)
      if (vector.lzw !== undefined) assert.equal(toHex(packed), vector.lzw)
      assert.deepEqual(expandLzw(packed, plain.length), { ok: true, value: plain })
    })
  }

  it('reads what it wrote', () => {
    const repetitive = fc.array(fc.constantFrom(0, 1), { maxLength: 9000 }).map((bytes) => Uint8Array.from(bytes))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 9000 }), repetitive), (plain) => {
        assert.deepEqual(expandLzw(compressLzw(plain), 9000), { ok: true, value: plain })
      }),
      { numRuns: 50 },
    )
  })

  it('reads streams without a leading clear code, and ignores what follows the end', () => {
    // 9-bit codes 0x41, 0x101 (end), then a stray byte.
    assert.deepEqual(expandLzw(Uint8Array.of(0x41, 0x02, 0x02, 0x99), 10), { ok: true, value: Uint8Array.of(0x41) })
  })

  it('agrees with itself on the width of every code, the last one included', () => {
    const random = plainOf({ name: 'LCG', plainBytes: 4000 })
    for (const [from, to] of [
      [240, 270],
      [740, 790],
      [1700, 1850],
      [3820, 3860],
    ] as const) {
      for (let length = from; length < to; length += 1) {
        const plain = random.subarray(0, length)
        assert.deepEqual(expandLzw(compressLzw(plain), length), { ok: true, value: plain })
      }
    }
  })

  it('clears a table that the very last code fills', () => {
    // No two bytes follow one another twice, so each byte is a code; the 3838th makes entry 4095.
    const plain: number[] = []
    for (let step = 1, byte = 0; plain.length < 3838; byte = (byte + step) & 0xff) {
      plain.push(byte)
      if (plain.length % 256 === 0) step += 2
    }
    const packed = compressLzw(Uint8Array.from(plain))
    const bits = 9 + 255 * 9 + 512 * 10 + 1024 * 11 + 2047 * 12
    assert.equal(packed.length, Math.ceil((bits + 12 + 9) / 8), 'a clear code of 12 bits before the end code of 9')
    assert.deepEqual(expandLzw(packed, 4000), { ok: true, value: Uint8Array.from(plain) })
  })

  it('goes on with a full table where the sender does not clear it', () => {
    // Literals first: each but the first completes an entry, the 3839th that of number 4095, the last there is.
    const literals = Array.from({ length: 5000 }, (_, i) => i % 251)
    const last = literals.slice(3837, 3839)
    const packed = packWithoutClears([...literals, 4095, 4095, 65, 4095])
    const value = Uint8Array.from([...literals, ...last, ...last, 65, ...last])
    assert.deepEqual(expandLzw(packed, 9000), { ok: true, value })
  })

  it('says what is wrong', () => {
    assert.deepEqual(expandLzw(new Uint8Array(0), 10), { ok: false, problem: 'LZW: truncated' })
    assert.deepEqual(expandLzw(fromHex('008304'), 10), { ok: false, problem: 'LZW: truncated' })
    // Code 300 when the table is empty.
    assert.deepEqual(expandLzw(Uint8Array.of(0x2c, 0x01), 10), { ok: false, problem: 'LZW: unknown code' })
  })

  it('stops at the limit, to the byte', () => {
    const packed = compressLzw(new Uint8Array(1_000_000))
    assert.ok(packed.length < 3000, 'a bomb')
    assert.deepEqual(expandLzw(packed, 999_999), { ok: false, problem: 'LZW: more than 999999 bytes' })
    assert.equal(expandLzw(packed, 1_000_000).ok, true)
  })

  it('survives any bytes within the limit', () => {
    const almost = mutated(fc.uint8Array({ maxLength: 300 }).map(compressLzw))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), almost), (bytes) => {
        const expanded = expandLzw(bytes, 500)
        if (expanded.ok) assert.equal(expanded.value.length <= 500, true)
        else assert.match(expanded.problem, /^LZW: /)
      }),
      { numRuns: 1000 },
    )
  })
})

/** The stream of an encoder that never clears: widths grow as the decoder's do, then stay at 12. */
function packWithoutClears(codes: number[]): Uint8Array {
  const bits: number[] = []
  let width = 9
  let newest = 257
  for (const code of [...codes, 257]) {
    for (let bit = 0; bit < width; bit += 1) bits.push((code >> bit) & 1)
    newest += 1
    if (newest === 1 << width && width < 12) width += 1
  }
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  bits.forEach((bit, i) => {
    bytes[i >> 3]! |= bit << (i & 7)
  })
  return bytes
}
