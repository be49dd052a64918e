import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from '@node-rs/crc32'
import fc from 'fast-check'
import { compress } from '../../src/gossip/compression.ts'
import { encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import { decodePacket, encodePacket, packetLimits } from '../../src/gossip/packet.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { anyMessage, mutated } from './arbitraries.ts'
import {
  dialectOf,
  fromHex,
  golden,
  isCompressed,
  type Json,
  leaves,
  memberlistMessage,
  plainVectors,
  serfMessage,
  toHex,
} from './golden.ts'

const nack = fromHex('0b81a55365714e6f07')
const plain = { compress: false, crc: false }

/** A compound by hand, so that it may hold what we would never send. */
function compound(...parts: Uint8Array[]): Uint8Array {
  const lengths = parts.flatMap((part) => [part.length >> 8, part.length & 0xff])
  return Uint8Array.of(7, parts.length, ...lengths, ...parts.flatMap((part) => [...part]))
}

describe('recorded packets', () => {
  for (const vector of plainVectors('udp')) {
    it(vector.name, () => {
      const packet = fromHex(vector.hex)
      const dialect = dialectOf(vector)
      const { messages, problems } = decodePacket(packet)
      assert.deepEqual(problems, [])

      const recorded = leaves(vector.decoded.message)
      assert.equal(messages.length, recorded.length)
      for (const [i, { message, raw }] of messages.entries()) {
        if (message.kind === 'user') {
          const decoded = decodeSerfMessage(message.payload)
          assert.ok(decoded.ok, 'a Serf message')
          const inner = decoded.value.kind === 'relay' ? decoded.value.inner : undefined
          assert.deepEqual(decoded.value, serfMessage(recorded[i].serf, inner as Uint8Array<ArrayBuffer>))
          assert.equal(toHex(encodeSerfMessage(decoded.value, dialect)), toHex(message.payload))
          if (inner)
            assert.deepEqual(decodeSerfMessage(inner), { ok: true, value: serfMessage(recorded[i].serf.inner) })
        } else {
          assert.deepEqual(message, memberlistMessage(recorded[i]))
        }
        assert.equal(toHex(encodeMessage(message, dialect)), toHex(raw))
      }

      const again = encodePacket(
        messages.map(({ raw }) => raw),
        { compress: isCompressed(vector.decoded.message), crc: packet[0] === 12 },
      )
      assert.equal(toHex(again), vector.hex)
    })
  }
})

describe('packets of hand-made input', () => {
  const packet = (name: string): Uint8Array => {
    const found = golden('robustness').cases.find((input: Json) => input.name === name)
    assert.ok(found, name)
    return fromHex(found.hex)
  }
  const kinds = (name: string) => decodePacket(packet(name)).messages.map(({ message }) => message.kind)
  const problems = (name: string) => decodePacket(packet(name)).problems

  it('are taken where every version takes them', () => {
    for (const name of [
      'crc ok',
      'crc of compress',
      'compress',
      'compress: no leading clear code (Go < 1.17 encoder)',
      'compress: Buf as bin8',
      'compress twice',
    ]) {
      assert.deepEqual([kinds(name), problems(name)], [['ping'], []], name)
    }
    assert.deepEqual(kinds('compound nested'), ['ping', 'ping', 'ping'])
    assert.deepEqual(kinds('compound of compress + ping'), ['ping', 'ping'])
    assert.deepEqual(kinds('compound: zero parts'), [])
    assert.deepEqual(problems('compound: zero parts'), [])
    assert.equal(kinds('compound: 127 parts').length, 127)
    assert.equal(kinds('compound: 200 parts').length, 200)
  })

  it('lose only the parts that broke off', () => {
    assert.deepEqual(kinds('compound: truncated part'), ['ping'])
    assert.deepEqual(problems('compound: truncated part'), ['compound: 1 truncated parts'])
    assert.deepEqual(decodePacket(fromHex('0705')).problems, ['compound: truncated lengths'])
    assert.deepEqual(decodePacket(fromHex('07')).problems, ['compound: truncated lengths'])
  })

  it('are dropped with a reason', () => {
    assert.deepEqual(problems('crc bad'), ['wrong checksum'])
    assert.deepEqual(problems('crc inside compress'), ['message type 12 is not supported'])
    assert.deepEqual(problems('compound: crc part inside'), ['message type 12 is not supported'])
    assert.deepEqual(problems('compress: unknown algo'), ['compress: unknown algorithm 1'])
    assert.deepEqual(problems('compress: truncated lzw'), ['LZW: truncated'])
    assert.deepEqual(problems('compress of empty'), ['compress: empty message'])
    assert.deepEqual(problems('compound with zero-length part'), ['compound: empty part'])
    assert.deepEqual(problems('label header (0xf4)'), ['message type 244 is not supported'])
    assert.deepEqual(decodePacket(new Uint8Array(0)).problems, ['empty message'])
    assert.deepEqual(decodePacket(fromHex('0c000000')).problems, ['message type 12 is not supported'], 'too short')
  })

  it('all end in messages or problems', () => {
    for (const { transport, hex, name } of golden('robustness').cases) {
      if (transport !== 'udp' || hex === undefined) continue
      const { messages, problems } = decodePacket(fromHex(hex))
      if (name !== 'compound: zero parts') assert.ok(messages.length + problems.length > 0, name)
    }
  })
})

describe('hostile packets', () => {
  it('skip an empty part and go on', () => {
    const { messages, problems } = decodePacket(compound(nack, new Uint8Array(0), nack))
    assert.equal(messages.length, 2)
    assert.deepEqual(problems, ['compound: empty part'])
  })

  it('are not followed into the depth', () => {
    let nested = nack
    for (let depth = 0; depth < packetLimits.maxDepth; depth += 1) nested = compound(nested)
    assert.equal(decodePacket(nested).messages.length, 1)
    assert.deepEqual(decodePacket(compound(nested)).problems, ['nested too deep'])
  })

  it('are decompressed no further than a limit for all of their parts', () => {
    const half = packetLimits.maxDecompressedBytes / 2
    const bomb = (bytes: number) => compress(encodeMessage({ kind: 'user', payload: new Uint8Array(bytes - 1) }))
    const { messages, problems } = decodePacket(compound(bomb(half), bomb(half), bomb(1)))
    assert.equal(messages.length, 2)
    assert.deepEqual(problems, ['LZW: more than 0 bytes'])

    const tooMuch = decodePacket(compound(bomb(half * 2 + 1), bomb(9), nack))
    assert.deepEqual(tooMuch.problems, [`LZW: more than ${half * 2} bytes`, 'LZW: more than 0 bytes'])
    assert.equal(tooMuch.messages.length, 1, 'what needs no room is read still')
  })

  it('give no more messages and problems than a limit', () => {
    const many = compound(...new Array(255).fill(nack))
    const junk = compound(...new Array(255).fill(new Uint8Array(0)))
    const { messages, problems } = decodePacket(compound(many, junk, many, junk, many, junk))
    assert.equal(messages.length + problems.length <= packetLimits.maxMessages + 2, true)
    assert.equal(problems.includes('too many messages'), true)
  })

  it('never throw, whatever the bytes', () => {
    const recorded = fc.constantFrom(...plainVectors('udp').map(({ hex }) => fromHex(hex)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(recorded)), (bytes) => {
        const { messages, problems } = decodePacket(bytes)
        for (const { raw } of messages) assert.equal(raw.length > 0, true)
        for (const problem of problems) assert.equal(problem.length < 200, true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('packets we send', () => {
  it('hold any messages, with any layers', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { minLength: 1, maxLength: 12 }),
        fc.record({ compress: fc.boolean(), crc: fc.boolean() }),
        (messages, options) => {
          const parts = messages.map((message) => encodeMessage(message))
          const decoded = decodePacket(encodePacket(parts, options))
          const sent = messages.map((message, i) => ({ message, raw: parts[i] }))
          // Without a picture of the difference, which takes long to draw for every step of shrinking.
          assert.equal(isDeepStrictEqual(decoded, { messages: sent, problems: [] }), true)
        },
      ),
      { numRuns: 50 },
    )
  })

  it('hold as many messages as an old member can count', () => {
    const { messages } = decodePacket(encodePacket(new Array(127).fill(nack), plain))
    assert.equal(messages.length, 127)
  })

  it('hold a single message bare', () => {
    assert.deepEqual(encodePacket([nack], plain), nack)
  })

  it('are compressed only where that makes them shorter', () => {
    assert.deepEqual(encodePacket([nack], { compress: true, crc: false }), nack)
    const zeros = encodeMessage({ kind: 'user', payload: new Uint8Array(400) })
    assert.equal(encodePacket([zeros], { compress: true, crc: false })[0], 9)
  })

  it('carry the checksum outside of everything', () => {
    const zeros = encodeMessage({ kind: 'user', payload: new Uint8Array(400) })
    const packet = encodePacket([zeros], { compress: true, crc: true })
    assert.equal(packet[0], 12)
    assert.equal(packet[5], 9)
    assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926)
  })

  it('never hold what would crash or confuse an old member', () => {
    assert.throws(() => encodePacket([], plain), RangeError)
    assert.throws(() => encodePacket([nack, new Uint8Array(0)], plain), RangeError)
    assert.throws(() => encodePacket(new Array(128).fill(nack), plain), RangeError)
    assert.throws(() => encodePacket([nack, new Uint8Array(65_536)], plain), RangeError)
  })
})
