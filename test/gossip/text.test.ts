import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { textFromBytes, textLength, textToBytes } from '../../src/gossip/text.ts'

describe('text of names that may not be UTF-8', () => {
  it('reads UTF-8 as everybody does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        assert.equal(textFromBytes(new TextEncoder().encode(text)), text)
        assert.deepEqual(textToBytes(text), new TextEncoder().encode(text))
      }),
    )
  })

  it('gives any bytes back as they came', () => {
    const almostText = fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xa0, 0xf0, 0x90, 0xf4, 0xff))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          almostText.map((bytes) => Uint8Array.from(bytes)),
        ),
        (bytes) => {
          const text = textFromBytes(bytes)
          assert.deepEqual(textToBytes(text), bytes)
          assert.equal(textLength(text), bytes.length)
        },
      ),
    )
  })

  it('turns each byte that is not UTF-8 into one lone surrogate', () => {
    assert.equal(textFromBytes(Uint8Array.of(0x61, 0xff, 0xfe, 0x62)), 'a\udcff\udcfeb')
    assert.equal(textFromBytes(Uint8Array.of(0xed, 0xa0, 0x80)), '\udced\udca0\udc80', 'a UTF-16 surrogate in UTF-8')
    assert.equal(textFromBytes(Uint8Array.of(0xc0, 0x80)), '\udcc0\udc80', 'an overlong NUL')
    assert.equal(textFromBytes(Uint8Array.of(0xe2, 0x82)), '\udce2\udc82', 'a euro sign that breaks off')
  })

  it('keeps a byte order mark, and text of any length', () => {
    assert.equal(textFromBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), '\ufeffa')
    const long = 'aé€😀'.repeat(3000)
    assert.equal(textFromBytes(new TextEncoder().encode(long)), long)
  })

  it('writes a surrogate that stands for no byte as a replacement character', () => {
    assert.deepEqual(textToBytes('\ud800x'), Uint8Array.of(0xef, 0xbf, 0xbd, 0x78))
  })
})
