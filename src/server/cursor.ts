/**
 * Cursors: where a reader of a topic stands. Opaque to clients, the same on every node. Pure.
 *
 * A cursor comes back from outside: it is bounded and checked here and by `placeFromState`.
 */

import { fromBinary } from '@bufbuild/protobuf'
import { cursorInvalid, type Fold, foldedVersion, type Place, placeFromState, plainVersion } from '../catalog/place.ts'
import { type CursorState, CursorStateSchema } from '../gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../log/log-id.ts'
import { bytesTag, fieldSize, varintFieldSize, writeField, writeVarint, writeVarintField } from '../wire.ts'
import type { DeliveryOrigin } from './delivery.ts'

export const cursorBytesMax = 1024 * 1024

const utf8 = new TextEncoder()

/** What names a log or a declaration, and the number that goes with it. */
interface Entry {
  readonly from: DeliveryOrigin
  readonly value: number
}

/** CursorState as bytes; every response carries one. Positions at 0 of logs not begun may be left out by the caller. */
export function encodeCursor(
  topic: string,
  positions: Iterable<{ readonly from: DeliveryOrigin; readonly offset: number }>,
  folds: Iterable<Fold> = [],
): Uint8Array {
  const name = utf8.encode(topic)
  const read: Entry[] = []
  for (const { from, offset } of positions) read.push({ from, value: offset })
  const folded: Entry[] = []
  for (const { origin, epoch, number } of folds) {
    folded.push({ from: { origin: utf8.encode(origin), epoch: epochToBytes(epoch) }, value: number })
  }
  const version = folded.length > 0 ? foldedVersion : plainVersion
  let size = varintFieldSize(version) + fieldSize(name.length)
  for (const entry of read) size += fieldSize(entrySize(entry))
  for (const entry of folded) size += fieldSize(entrySize(entry))
  const target = new Uint8Array(size)
  let at = writeVarintField(target, 0, 1, version)
  at = writeField(target, at, 2, name)
  for (const entry of read) at = writeEntry(target, at, 3, entry)
  for (const entry of folded) at = writeEntry(target, at, 4, entry)
  return target
}

/** Throws `CURSOR_INVALID` for everything but a cursor of this topic. */
export function decodeCursor(bytes: Uint8Array, topic: string): Place {
  if (bytes.length > cursorBytesMax) throw cursorInvalid(`it is longer than ${cursorBytesMax} bytes`)
  return placeFromState(parse(bytes), topic)
}

function entrySize({ from, value }: Entry): number {
  return fieldSize(from.origin.length) + fieldSize(from.epoch.length) + varintFieldSize(value)
}

/** A position or a fold: their fields are alike. */
function writeEntry(target: Uint8Array, position: number, field: number, entry: Entry): number {
  target[position] = bytesTag(field)
  let at = writeVarint(target, position + 1, entrySize(entry))
  at = writeField(target, at, 1, entry.from.origin)
  at = writeField(target, at, 2, entry.from.epoch)
  return writeVarintField(target, at, 3, entry.value)
}

function parse(bytes: Uint8Array): CursorState {
  try {
    return fromBinary(CursorStateSchema, bytes, { readUnknownFields: false })
  } catch (cause) {
    throw cursorInvalid('it is not one of ours', cause)
  }
}
