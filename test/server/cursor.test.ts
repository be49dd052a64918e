import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { ReeveError } from '../../src/errors.ts'
import { CursorStateSchema, type Position } from '../../src/gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { cursorBytesMax, cursorPositionsMax, decodeCursor, encodeCursor } from '../../src/server/cursor.ts'
import { deliveryOrigin } from '../../src/server/delivery.ts'
import { epochA, epochB } from './memory-journal.ts'

const refused = (bytes: Uint8Array, topic = 'orders') =>
  assert.throws(
    () => decodeCursor(bytes, topic),
    (error) => error instanceof ReeveError && error.code === 'CURSOR_INVALID',
  )

const cursor = (state: { version?: number; topic?: string; positions?: Partial<Position>[] }) =>
  toBinary(CursorStateSchema, create(CursorStateSchema, { version: 1, topic: 'orders', ...state } as never))

const position = { origin: 'a', epoch: epochToBytes(epochA), offset: 7n }

test('a cursor says where each log goes on, and nothing else', () => {
  const bytes = encodeCursor('orders', [
    { from: deliveryOrigin('a', epochA), offset: 0 },
    { from: deliveryOrigin('a', epochB), offset: Number.MAX_SAFE_INTEGER },
  ])
  assert.deepEqual(
    [...decodeCursor(bytes, 'orders').values()],
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

test('a cursor of another topic, version or maker is refused', () => {
  refused(cursor({ positions: [position] }), 'payments')
  refused(cursor({ version: 0 }))
  refused(cursor({ version: 2 }))
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
  const many = Array.from({ length: cursorPositionsMax + 1 }, (_, at) => ({ origin: `n${at}`, epoch: position.epoch }))
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
