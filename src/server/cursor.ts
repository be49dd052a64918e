/**
 * Cursors: how far a reader is in each log of a topic. Opaque to clients, the same on every node. Pure.
 *
 * A cursor comes back from outside: it is bounded and checked here, and then only ever says where to go on.
 */

import { fromBinary } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { type CursorState, CursorStateSchema } from '../gen/reeve/v1/record_pb.ts'
import type { LogId } from '../log/log-id.ts'
import { epochFromBytes, logKey, parseNodeName } from '../log/log-id.ts'
import type { DeliveryOrigin } from './delivery.ts'
import { bytesTag, fieldSize, varintFieldSize, writeField, writeVarint, writeVarintField } from './wire.ts'

export const cursorVersion = 1

/** A position takes about 40 bytes; a topic gets a log from every run of every node that writes to it. */
export const cursorBytesMax = 1024 * 1024
export const cursorPositionsMax = 20_000

export interface CursorPosition {
  readonly id: LogId
  /** The next offset to read. */
  readonly offset: number
}

const utf8 = new TextEncoder()

/** CursorState as bytes; every response carries one. Positions at 0 of logs not begun may be left out by the caller. */
export function encodeCursor(
  topic: string,
  positions: Iterable<{ readonly from: DeliveryOrigin; readonly offset: number }>,
): Uint8Array {
  const name = utf8.encode(topic)
  const all = [...positions]
  const sizes = all.map(({ from, offset }) => {
    return fieldSize(from.origin.length) + fieldSize(from.epoch.length) + varintFieldSize(offset)
  })
  const target = new Uint8Array(
    varintFieldSize(cursorVersion) + fieldSize(name.length) + sizes.reduce((sum, size) => sum + fieldSize(size), 0),
  )
  let at = writeVarintField(target, 0, 1, cursorVersion)
  at = writeField(target, at, 2, name)
  for (const [index, { from, offset }] of all.entries()) {
    target[at++] = bytesTag(3)
    at = writeVarint(target, at, sizes[index] as number)
    at = writeField(target, at, 1, from.origin)
    at = writeField(target, at, 2, from.epoch)
    at = writeVarintField(target, at, 3, offset)
  }
  return target
}

/** Positions by log key. Throws `CURSOR_INVALID` for everything but a cursor of this topic. */
export function decodeCursor(bytes: Uint8Array, topic: string): Map<string, CursorPosition> {
  if (bytes.length > cursorBytesMax) throw invalid(`it is longer than ${cursorBytesMax} bytes`)
  const state = parse(bytes)
  if (state.version !== cursorVersion) throw invalid(`its version is ${state.version}, not ${cursorVersion}`)
  if (state.topic !== topic) throw invalid(`it belongs to another topic than ${topic}`)
  if (state.positions.length > cursorPositionsMax) throw invalid(`it has more than ${cursorPositionsMax} positions`)
  const positions = new Map<string, CursorPosition>()
  for (const { origin, epoch, offset } of state.positions) {
    const name = parseNodeName(origin)
    const run = epochFromBytes(epoch)
    if (!name.ok || !run.ok) throw invalid('a position names no log')
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid('an offset is out of range')
    const id = { topic, origin: name.value, epoch: run.value }
    const key = logKey(id)
    if (positions.has(key)) throw invalid('two positions of one log')
    positions.set(key, { id, offset: Number(offset) })
  }
  return positions
}

function parse(bytes: Uint8Array): CursorState {
  try {
    return fromBinary(CursorStateSchema, bytes, { readUnknownFields: false })
  } catch (cause) {
    throw invalid('it is not one of ours', cause)
  }
}

function invalid(problem: string, cause?: unknown): ReeveError {
  return new ReeveError('CURSOR_INVALID', `the cursor is not usable: ${problem}`, { cause })
}
