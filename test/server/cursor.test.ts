import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { placesMax } from '../../src/catalog/place.ts'
import { ReeveError } from '../../src/errors.ts'
import { CursorStateSchema, type FoldedLogs, type Position } from '../../src/gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { cursorBytesMax, decodeCursor, encodeCursor } from '../../src/server/cursor.ts'
import { deliveryOrigin } from '../../src/server/delivery.ts'
import { epochA, epochB } from './memory-journal.ts'

const refused = (bytes: Uint8Array, topic = 'orders') =>
  assert.throws(
    () => decodeCursor(bytes, topic),
    (error) => error instanceof ReeveError && error.code === 'CURSOR_INVALID',
  )

const cursor = (state: {
  version?: number
  topic?: string
  positions?: Partial<Position>[]
  folded?: Partial<FoldedLogs>[]
}) => toBinary(CursorStateSchema, create(CursorStateSchema, { version: 1, topic: 'orders', ...state } as never))

const position = { origin: 'a', epoch: epochToBytes(epochA), offset: 7n }

test('a cursor says where each log goes on, and nothing else', () => {
  const bytes = encodeCursor('orders', [
    { from: deliveryOrigin('a', epochA), offset: 0 },
    { from: deliveryOrigin('a', epochB), offset: Number.MAX_SAFE_INTEGER },
  ])
  assert.deepEqual(
    [...decodeCursor(bytes, 'orders').positions.values()],
    [
      { id: { topic: 'orders', origin: 'a', epoch: epochA }, offset: 0 },
      { id: { topic: 'orders', origin: 'a', epoch: epochB }, offset: Number.MAX_SAFE_INTEGER },
    ],
  )
})

test('it is the CursorState that the contract shows', () => {
  const bytes = encodeCursor('orders', [{ from: deliveryOrigin('a', epochA), offset: 7 }])
  assert.deepEqual(Buffer.from(bytes), Buffer.from(cursor({ positions: [position] })))
})

const fold = { origin: 'a', epoch: epochToBytes(epochB), number: 3n }

test('with folds it has another version, and without it is what the first version wrote', () => {
  const read = [{ from: deliveryOrigin('a', epochA), offset: 7 }]
  const bytes = encodeCursor('orders', read, [{ origin: 'a', epoch: epochB, number: 3 }])
  assert.deepEqual(Buffer.from(bytes), Buffer.from(cursor({ version: 2, positions: [position], folded: [fold] })))
  assert.deepEqual(decodeCursor(bytes, 'orders').folds, [{ origin: 'a', epoch: epochB, number: 3 }])
  assert.equal(Buffer.from(encodeCursor('orders', read)).toString('hex'), firstVersion)
})

/** Written by the first version: offset 7 of the run …a of node a in topic orders. */
const firstVersion = '080112066f72646572731a170a016112100198000000007000800000000000000a1807'

test('a cursor of the first version is understood', () => {
  const { positions, folds } = decodeCursor(Buffer.from(firstVersion, 'hex'), 'orders')
  assert.deepEqual([...positions.values()], [{ id: { topic: 'orders', origin: 'a', epoch: epochA }, offset: 7 }])
  assert.deepEqual(folds, [])
})

test('folds that could not be ours are refused', () => {
  refused(cursor({ version: 1, folded: [fold] }))
  refused(cursor({ version: 2, folded: [{ ...fold, origin: '../x' }] }))
  refused(cursor({ version: 2, folded: [{ ...fold, epoch: new Uint8Array(3) }] }))
  refused(cursor({ version: 2, folded: [{ ...fold, number: 0n }] }))
  refused(cursor({ version: 2, folded: [{ ...fold, number: 2n ** 53n }] }))
  refused(cursor({ version: 2, folded: [fold, fold] }))
})

test('a cursor of another topic, version or maker is refused', () => {
  refused(cursor({ positions: [position] }), 'payments')
  refused(cursor({ version: 0 }))
  refused(cursor({ version: 3 }))
  refused(new TextEncoder().encode('no cursor at all'))
  refused(Uint8Array.from([0xff]))
})

test('positions that could not be ours are refused', () => {
  refused(cursor({ positions: [{ ...position, origin: '../x' }] }))
  refused(cursor({ positions: [{ ...position, origin: '__proto__' }] }))
  refused(cursor({ positions: [{ ...position, origin: '' }] }))
  refused(cursor({ positions: [{ ...position, epoch: new Uint8Array(15) }] }))
  refused(cursor({ positions: [{ ...position, offset: 2n ** 53n }] }))
  refused(cursor({ positions: [position, position] }))
})

test('a cursor that would cost much is refused', () => {
  refused(new Uint8Array(cursorBytesMax + 1))
  const many = Array.from({ length: placesMax + 1 }, (_, at) => ({ origin: `n${at}`, epoch: position.epoch }))
  refused(cursor({ positions: many }))
})

test('any bytes are a cursor or a typed refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        decodeCursor(bytes, 'orders')
      } catch (error) {
        assert.ok(error instanceof ReeveError && error.code === 'CURSOR_INVALID', String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
