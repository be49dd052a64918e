/** Any message a member may send, and bytes that almost are one; for properties. */

import fc from 'fast-check'
import type { Message, PushPull, SerfMessage } from '../../src/gossip/messages.ts'

/** Plain objects, as the decoders make them. */
export function plainRecord<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>
}

export const anyBytes = (maxLength = 64) => fc.uint8Array({ maxLength })
/** Names as they come off the wire, among them ones that are not UTF-8. */
export const anyName = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.array(fc.integer({ min: 0xf8, max: 0xff }), { maxLength: 8 }).map((units) => {
    return units.map((byte) => String.fromCharCode(0xdc00 + byte)).join('')
  }),
)
export const anyU16 = fc.integer({ min: 0, max: 0xffff })
export const anyU32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }))
export const anyTime = fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))

const source = { sourceAddr: anyBytes(16), sourcePort: anyU16, sourceNode: anyName }

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  plainRecord({ kind: fc.constant('ping' as const), seqNo: anyU32, node: anyName, ...source }),
  plainRecord({
    kind: fc.constant('indirectPing' as const),
    seqNo: anyU32,
    target: anyBytes(16),
    port: anyU16,
    node: anyName,
    nack: fc.boolean(),
    ...source,
  }),
  plainRecord({ kind: fc.constant('ack' as const), seqNo: anyU32, payload: fc.option(anyBytes()) }),
  plainRecord({ kind: fc.constant('nack' as const), seqNo: anyU32 }),
  plainRecord({ kind: fc.constant('suspect' as const), incarnation: anyU32, node: anyName, from: anyName }),
  plainRecord({ kind: fc.constant('dead' as const), incarnation: anyU32, node: anyName, from: anyName }),
  plainRecord({
    kind: fc.constant('alive' as const),
    incarnation: anyU32,
    node: anyName,
    addr: anyBytes(16),
    port: anyU16,
    meta: anyBytes(600),
    vsn: anyBytes(6),
  }),
  plainRecord({ kind: fc.constant('user' as const), payload: anyBytes(600) }),
  plainRecord({ kind: fc.constant('error' as const), text: anyName }),
)

export const anyPushPull: fc.Arbitrary<PushPull> = plainRecord({
  kind: fc.constant('pushPull' as const),
  join: fc.boolean(),
  nodes: fc.array(
    plainRecord({
      name: anyName,
      addr: anyBytes(16),
      port: anyU16,
      meta: anyBytes(),
      incarnation: anyU32,
      state: fc.integer({ min: 0, max: 300 }),
      vsn: anyBytes(6),
    }),
    { maxLength: 5 },
  ),
  userState: anyBytes(600),
})

export const anySerfMessage: fc.Arbitrary<SerfMessage> = fc.oneof(
  plainRecord({ kind: fc.constant('leaveIntent' as const), lTime: anyTime, node: anyName, prune: fc.boolean() }),
  plainRecord({ kind: fc.constant('joinIntent' as const), lTime: anyTime, node: anyName }),
  plainRecord({
    kind: fc.constant('serfPushPull' as const),
    lTime: anyTime,
    statusLTimes: fc.array(fc.tuple(anyName, anyTime), { maxLength: 20 }).map((entries) => new Map(entries)),
    leftMembers: fc.array(anyName, { maxLength: 20 }),
    eventLTime: anyTime,
    events: fc.array(
      plainRecord({
        lTime: anyTime,
        events: fc.array(plainRecord({ name: anyName, payload: anyBytes() }), { maxLength: 3 }),
      }),
      { maxLength: 20 },
    ),
    queryLTime: anyTime,
  }),
  plainRecord({
    kind: fc.constant('userEvent' as const),
    lTime: anyTime,
    name: anyName,
    payload: anyBytes(600),
    coalesce: fc.boolean(),
  }),
  plainRecord({
    kind: fc.constant('query' as const),
    lTime: anyTime,
    id: anyU32,
    addr: anyBytes(16),
    port: anyU16,
    sourceNode: anyName,
    filters: fc.array(anyBytes(), { maxLength: 5 }),
    flags: anyU32,
    relayFactor: fc.integer({ min: 0, max: 255 }),
    timeoutNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    name: anyName,
    payload: anyBytes(600),
  }),
  plainRecord({
    kind: fc.constant('queryResponse' as const),
    lTime: anyTime,
    id: anyU32,
    from: anyName,
    flags: anyU32,
    payload: anyBytes(600),
  }),
  plainRecord({
    kind: fc.constant('relay' as const),
    destAddr: anyBytes(16),
    destPort: anyU16,
    destName: anyName,
    inner: anyBytes(),
  }),
)

/** Bytes of `sound` after some were changed, cut out or put in. */
export function mutated(sound: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edit = plainRecord({ at: fc.nat(), remove: fc.nat({ max: 3 }), insert: anyBytes(3) })
  return fc.tuple(sound, fc.array(edit, { minLength: 1, maxLength: 5 })).map(([bytes, edits]) => {
    const result = [...bytes]
    for (const { at, remove, insert } of edits) result.splice(at % (result.length + 1), remove, ...insert)
    return Uint8Array.from(result)
  })
}
