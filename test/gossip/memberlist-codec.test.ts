import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeMessage, encodeMessage } from '../../src/gossip/memberlist-codec.ts'
import type { Message } from '../../src/gossip/messages.ts'
import { gossipDialect, newerGossipDialect } from '../../src/gossip/msgpack-writer.ts'
import { anyMessage, mutated } from './arbitraries.ts'
import { fromHex, toHex } from './golden.ts'

describe('the messages of memberlist', () => {
  it('are read as they were written, in both dialects', () => {
    fc.assert(
      fc.property(anyMessage, fc.constantFrom(gossipDialect, newerGossipDialect), (message, dialect) => {
        assert.deepEqual(decodeMessage(encodeMessage(message, dialect)), { ok: true, value: message })
      }),
    )
  })

  it('survive any change with a result', () => {
    const almost = mutated(anyMessage.map((message) => encodeMessage(message)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), almost), (bytes) => {
        const decoded = decodeMessage(bytes)
        if (decoded.ok) assert.deepEqual(decodeMessage(encodeMessage(decoded.value)), decoded)
        else assert.equal(decoded.problem.length < 200, true)
      }),
      { numRuns: 1000 },
    )
  })

  it('leave out who asks where nobody said so', () => {
    const ping: Message = {
      kind: 'ping',
      seqNo: 7,
      node: 'alpha',
      sourceAddr: new Uint8Array(0),
      sourcePort: 0,
      sourceNode: '',
    }
    assert.equal(toHex(encodeMessage(ping)), '0082a44e6f6465a5616c706861a55365714e6f07')
  })

  it('may be as small as a ping of two bytes', () => {
    const nobody = { node: '', sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' }
    assert.deepEqual(decodeMessage(fromHex('0080')), { ok: true, value: { kind: 'ping', seqNo: 0, ...nobody } })
    assert.deepEqual(decodeMessage(fromHex('00c0')), { ok: true, value: { kind: 'ping', seqNo: 0, ...nobody } })
  })

  it('tell an ack without payload from one with an empty payload', () => {
    const ack = (payload: Uint8Array | null) => toHex(encodeMessage({ kind: 'ack', seqNo: 1, payload }))
    assert.equal(ack(null), '0282a75061796c6f6164c0a55365714e6f01')
    assert.equal(ack(new Uint8Array(0)), '0282a75061796c6f6164a0a55365714e6f01')
  })

  it('say what is wrong with them', () => {
    const problem = (hex: string) => {
      const decoded = decodeMessage(fromHex(hex))
      return decoded.ok ? 'none' : decoded.problem
    }
    assert.equal(problem(''), 'empty message')
    assert.equal(problem('6380'), 'message type 99 is not supported')
    assert.equal(problem('0680'), 'message type 6 is not supported')
    assert.equal(problem('f4036162630080'), 'message type 244 is not supported')
    assert.equal(problem('00'), 'ping: truncated')
    assert.equal(problem('0082a44e6f6465a5616c706861a55365714e'), 'ping: truncated')
    assert.equal(problem('0081a55365714e6fff'), 'ping: -1 is out of range')
    assert.equal(problem('0081a55365714e6fcf0000000200000000'), 'ping: 8589934592 is out of range')
  })

  it('hold the bytes of a name that is not UTF-8', () => {
    const bytes = fromHex('0382a446726f6da2fffea44e6f6465a3e9616e')
    const decoded = decodeMessage(bytes)
    assert.ok(decoded.ok && decoded.value.kind === 'suspect', 'a suspicion')
    assert.equal(decoded.value.from, '\udcff\udcfe')
    assert.match(toHex(encodeMessage(decoded.value)), /a2fffe.*a3e9616e$/)
  })
})
