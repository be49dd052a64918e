/** Records that a reader would have come to next but that are gone: trimmed by retention, or deleted with their topic. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { CursorStateSchema } from '../gen/reeve/v1/record_pb.ts'
import { epochToBytes, parseEpoch } from '../log/log-id.ts'
import { epochText } from './servers.ts'

export interface Hole {
  readonly topic: string
  readonly origin: string
  readonly epoch: string
  /** Offsets of the first record that is missing, and of the first one that is there. */
  readonly from: number
  readonly to: number
}

/** The hole that an `OFFSET_TRIMMED` of a server speaks of; undefined for any other error. */
export function holeOf(error: ReeveError): Hole | undefined {
  if (error.code !== 'OFFSET_TRIMMED') return undefined
  const { topic, origin, epoch, offset, start } = error.facts
  const [from, to] = [Number(offset), Number(start)]
  if (topic === undefined || origin === undefined || !parseEpoch(epoch ?? '').ok) return undefined
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from >= to) return undefined
  return { topic, origin, epoch: epoch as string, from, to }
}

/** Whether a hole that was gone around is met again: then it cannot be. */
export function isAgain(hole: Hole, before: Hole | undefined): boolean {
  return before?.origin === hole.origin && before.epoch === hole.epoch && hole.to <= before.to
}

/** The same cursor, but behind the hole. Throws `CURSOR_INVALID` for what is no cursor. */
export function cursorBehind(cursor: Uint8Array, { topic, origin, epoch, to }: Hole): Uint8Array {
  const state = cursor.length === 0 ? create(CursorStateSchema, { version: 1, topic }) : parse(cursor)
  const position = { $typeName: 'reeve.v1.Position' as const, origin, epoch: epochToBytes(epoch), offset: BigInt(to) }
  const others = state.positions.filter((other) => other.origin !== origin || epochText(other.epoch) !== epoch)
  return toBinary(CursorStateSchema, { ...state, positions: [...others, position] })
}

function parse(cursor: Uint8Array) {
  try {
    return fromBinary(CursorStateSchema, cursor)
  } catch (cause) {
    throw new ReeveError('CURSOR_INVALID', 'the server sent something that is no cursor', { cause })
  }
}
