import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeConflictResponse, encodeConflictResponse } from '../../src/gossip/conflict-response.ts'
import { fromHex, golden, leaves, toHex } from './golden.ts'

const recorded = golden('udp-plain')
  .vectors.flatMap(({ decoded }: { decoded: { message: unknown } }) => leaves(decoded.message))
  .map(({ serf }: { serf?: { payload?: { serfType: number }; body: { Payload: { $hex: string } } } }) => serf)
  .filter((serf: { payload?: { serfType: number } } | undefined) => serf?.payload?.serfType === 6)

test('the recorded answers are read, and written again to the byte', () => {
  assert.ok(recorded.length > 0)
  for (const { body, payload } of recorded) {
    const bytes = fromHex(body.Payload.$hex)
    const { Addr, Port, Name, DelegateMin, DelegateMax, DelegateCur, ProtocolMin, ProtocolMax, ProtocolCur } =
      payload.body
    const addr = fromHex(Addr.$hex)
    assert.deepEqual(decodeConflictResponse(bytes), { ok: true, value: { addr, port: Port } })
    assert.deepEqual(payload.body.Tags, {})
    const member = {
      name: Name,
      addr,
      port: Port,
      tags: new Map(),
      status: 'alive',
      vsn: Uint8Array.of(ProtocolMin, ProtocolMax, ProtocolCur, DelegateMin, DelegateMax, DelegateCur),
    } as const
    assert.equal(toHex(encodeConflictResponse(member)), body.Payload.$hex)
  }
})

test('nobody of that name is nil', () => {
  assert.equal(toHex(encodeConflictResponse(undefined)), '06c0')
  assert.deepEqual(decodeConflictResponse(fromHex('06c0')), { ok: true, value: undefined })
})

test('any bytes are an answer or a problem', () => {
  assert.equal(decodeConflictResponse(new Uint8Array()).ok, false)
  assert.equal(decodeConflictResponse(fromHex('0882')).ok, false)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      decodeConflictResponse(Uint8Array.of(6, ...bytes))
    }),
  )
})
