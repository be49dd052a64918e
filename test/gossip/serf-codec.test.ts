import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { SerfPushPull } from '../../src/gossip/messages.ts'
import { gossipDialect, newerGossipDialect } from '../../src/gossip/msgpack-writer.ts'
import { decodeFilter, encodeFilter, type QueryFilter } from '../../src/gossip/query-filter.ts'
import { decodeSerfMessage, encodeSerfMessage } from '../../src/gossip/serf-codec.ts'
import { anyName, anySerfMessage, mutated, plainRecord } from './arbitraries.ts'
import { fromHex, golden, type Json, toHex } from './golden.ts'

const anyDialect = fc.constantFrom(gossipDialect, newerGossipDialect)

describe('the messages of Serf', () => {
  it('are read as they were written, in both dialects', () => {
    fc.assert(
      fc.property(anySerfMessage, anyDialect, (message, dialect) => {
        assert.deepEqual(decodeSerfMessage(encodeSerfMessage(message, dialect)), { ok: true, value: message })
      }),
    )
  })

  it('survive any change with a result', () => {
    const almost = mutated(anySerfMessage.map((message) => encodeSerfMessage(message)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), almost), (bytes) => {
        const decoded = decodeSerfMessage(bytes)
        if (decoded.ok) assert.deepEqual(decodeSerfMessage(encodeSerfMessage(decoded.value)), decoded)
        else assert.equal(decoded.problem.length < 200, true)
      }),
      { numRuns: 1000 },
    )
  })

  it('leave a push/pull of the empty slots of the event ring, and take it without them', () => {
    const state: SerfPushPull = {
      kind: 'serfPushPull',
      lTime: 1n,
      statusLTimes: new Map([['faker', 1n]]),
      leftMembers: [],
      eventLTime: 1n,
      events: [],
      queryLTime: 1n,
    }
    const sent = encodeSerfMessage(state)
    const fromTheText =
      '0286aa4576656e744c54696d6501a64576656e747390a54c54696d6501ab4c6566744d656d6265727390' +
      'aa51756572794c54696d6501ac5374617475734c54696d657381a566616b657201'
    assert.equal(toHex(sent), fromTheText)

    const slot = '82a64576656e74739181a44e616d65a162a54c54696d6503'
    const ring = `dc0200${'c0'.repeat(3)}${slot}${'c0'.repeat(508)}`
    assert.deepEqual(decodeSerfMessage(fromHex(fromTheText.replace('747390', `7473${ring}`))), {
      ok: true,
      value: { ...state, events: [{ lTime: 3n, events: [{ name: 'b', payload: new Uint8Array(0) }] }] },
    })
  })

  it('may miss what older members do not know', () => {
    const leave = decodeSerfMessage(fromHex('0082a54c54696d6509a44e6f6465a5627261766f'))
    assert.deepEqual(leave, { ok: true, value: { kind: 'leaveIntent', lTime: 9n, node: 'bravo', prune: false } })
    const event = decodeSerfMessage(fromHex('0381a44e616d65a26530'))
    const expected = { kind: 'userEvent', lTime: 0n, name: 'e0', payload: new Uint8Array(0), coalesce: false }
    assert.deepEqual(event, { ok: true, value: expected })
  })

  it('hold times up to the last', () => {
    const join = decodeSerfMessage(fromHex('0182a54c54696d65cfffffffffffffffffa44e6f6465a567686f7374'))
    assert.deepEqual(join, { ok: true, value: { kind: 'joinIntent', lTime: 2n ** 64n - 1n, node: 'ghost' } })
  })

  it('say what is wrong with them', () => {
    const problem = (hex: string) => {
      const decoded = decodeSerfMessage(fromHex(hex))
      return decoded.ok ? 'none' : decoded.problem
    }
    assert.equal(problem(''), 'empty Serf message')
    for (const type of [6, 7, 8, 10, 255]) {
      const hex = type.toString(16).padStart(2, '0')
      assert.equal(problem(`${hex}80`), `Serf message type ${type} is not supported`)
    }
    assert.equal(problem('01'), 'joinIntent: truncated')
    assert.equal(problem('0182a54c54696d65ffa44e6f6465a162'), 'joinIntent: -1 is out of range')
    assert.match(problem('0981a8446573744164647281a4506f7274ce00010000'), /relay: port 65536/)
    assert.match(problem('0981a8446573744164647281a4506f7274ff'), /relay: port -1/)
  })

  it('of hand-made input all end in a result', () => {
    for (const { transport, hex, name } of golden('robustness').cases as Json[]) {
      if (transport !== 'udp' || !hex?.startsWith('08')) continue
      const decoded = decodeSerfMessage(fromHex(hex).subarray(1))
      assert.equal(typeof decoded.ok, 'boolean', name)
    }
  })
})

describe('the filters of a query', () => {
  const anyFilter: fc.Arbitrary<QueryFilter> = fc.oneof(
    plainRecord({ kind: fc.constant('nodes' as const), nodes: fc.array(anyName, { maxLength: 20 }) }),
    plainRecord({ kind: fc.constant('tag' as const), tag: anyName, expr: anyName }),
  )

  it('are the recorded bytes', () => {
    for (const [hex, filter] of [
      ['0091a5627261766f', { kind: 'nodes', nodes: ['bravo'] }],
      ['0182a445787072a2642ea3546167a4726f6c65', { kind: 'tag', tag: 'role', expr: 'd.' }],
    ] as const) {
      assert.deepEqual(decodeFilter(fromHex(hex)), { ok: true, value: filter })
      assert.equal(toHex(encodeFilter(filter)), hex)
    }
  })

  it('are read as they were written', () => {
    fc.assert(
      fc.property(anyFilter, (filter) => {
        assert.deepEqual(decodeFilter(encodeFilter(filter)), { ok: true, value: filter })
      }),
    )
  })

  it('survive any bytes, none at all included', () => {
    assert.deepEqual(decodeFilter(new Uint8Array(0)), { ok: false, problem: 'empty filter' })
    assert.deepEqual(decodeFilter(fromHex('0290')), { ok: false, problem: 'filter type 2 is not supported' })
    assert.deepEqual(decodeFilter(fromHex('0092')), { ok: false, problem: 'filter: truncated' })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), mutated(anyFilter.map((filter) => encodeFilter(filter)))), (bytes) => {
        assert.equal(typeof decodeFilter(bytes).ok, 'boolean')
      }),
    )
  })
})
