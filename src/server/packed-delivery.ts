/**
 * Few records a message, many messages at once: for callers that would rather not unpack batches. Each message is a whole
 * ConsumeStreamResponse with a cursor of its own; together they lie in one piece of memory as they go onto the stream, so
 * that a message costs neither an object nor a promise.
 */

import { framedHeadBytes, writeFramedHead } from '../framed.ts'
import { RecordWalk } from '../log/select.ts'
import {
  bigVarintFieldSize,
  bytesTag,
  fieldSize,
  varintFieldSize,
  varintSize,
  writeBigVarintField,
  writeField,
  writeVarint,
  writeVarintField,
} from '../wire.ts'
import type { DeliveredRun, DeliveryOrigin } from './delivery.ts'

export interface Packing {
  readonly recordsPerMessage: number
  /** Where the reading is in all other logs: the position in this one is appended to it. */
  readonly otherPositions: Uint8Array
  /** Where it is in this one after the last run. */
  readonly offset: number
  /** Said by the last message. */
  readonly atEnd: boolean
}

/** What a message takes at most, beside its records and, where some are missing in between, 5 bytes for each. */
export function packedOverhead(from: DeliveryOrigin, otherPositions: Uint8Array): number {
  return framedHeadBytes + 2 * namesSize(from) + otherPositions.length + numbersMaxBytes
}

/** Tags, lengths and numbers of one message, a producer's id included. */
const numbersMaxBytes = 110

/** `runs`: one at least, all of one log, in order. */
export function packDelivery(runs: readonly DeliveredRun[], packing: Packing): Uint8Array {
  const { recordsPerMessage, otherPositions } = packing
  const { from } = runs[0] as DeliveredRun
  const names = new Uint8Array(namesSize(from))
  writeField(names, writeField(names, 0, 1, from.origin), 2, from.epoch)
  const target = new Uint8Array(boundOf(runs, recordsPerMessage, packedOverhead(from, otherPositions)))
  let at = 0
  for (const [index, run] of runs.entries()) {
    const { batch, offsetDeltas: deltas, producer } = run
    const timestamp = new Uint8Array(bigVarintFieldSize(run.timestamp))
    writeBigVarintField(timestamp, 0, 4, run.timestamp)
    const walk = new RecordWalk(batch)
    for (let record = 0; walk.at < batch.length; ) {
      const [first, start] = [record, walk.at]
      for (; record - first < recordsPerMessage && walk.at < batch.length; record++) walk.step()
      const bytes = walk.at - start
      const last = walk.at === batch.length && index === runs.length - 1
      const skip = deltas ? (deltas[first] as number) : first
      const baseOffset = run.baseOffset + skip
      const offset = last ? packing.offset : run.baseOffset + (deltas ? (deltas[record - 1] as number) : record - 1) + 1
      const holes = deltas && holesIn(deltas, first, record)
      const sequence = producer ? producer.sequence + skip : 0
      let runSize = names.length + varintFieldSize(baseOffset) + timestamp.length + 1 + varintSize(bytes) + bytes
      if (producer) runSize += fieldSize(producer.id.length) + varintFieldSize(sequence)
      if (holes) runSize += fieldSize(packedSize(holes))
      const positionSize = names.length + varintFieldSize(offset)
      const cursorSize = otherPositions.length + fieldSize(positionSize)
      const size = fieldSize(runSize) + fieldSize(cursorSize) + (last && packing.atEnd ? 2 : 0)

      at = writeFramedHead(target, at, size)
      target[at++] = bytesTag(1)
      at = writeVarint(target, at, runSize)
      at = put(target, at, names)
      at = writeVarintField(target, at, 3, baseOffset)
      at = put(target, at, timestamp)
      target[at++] = bytesTag(5)
      at = writeVarint(target, at, bytes)
      at = copy(target, at, batch, start, walk.at)
      if (producer) at = writeVarintField(target, writeField(target, at, 6, producer.id), 7, sequence)
      if (holes) at = writePacked(target, at, holes)
      target[at++] = bytesTag(2)
      at = writeVarint(target, at, cursorSize)
      at = put(target, at, otherPositions)
      target[at++] = bytesTag(3)
      at = writeVarint(target, at, positionSize)
      at = put(target, at, names)
      at = writeVarintField(target, at, 3, offset)
      if (last && packing.atEnd) at = writeVarintField(target, at, 3, 1)
    }
  }
  return target.subarray(0, at)
}

/** Origin and epoch: the same fields in a DeliveredBatch and in a Position. */
function namesSize(from: DeliveryOrigin): number {
  return fieldSize(from.origin.length) + fieldSize(from.epoch.length)
}

function boundOf(runs: readonly DeliveredRun[], recordsPerMessage: number, overhead: number): number {
  let bound = 0
  for (const { batch, offsetDeltas } of runs) {
    const walk = new RecordWalk(batch)
    let records = 0
    for (; walk.at < batch.length; records++) walk.step()
    bound += batch.length + Math.ceil(records / recordsPerMessage) * overhead
    if (offsetDeltas) bound += 5 * records
  }
  return bound
}

/** How far those from `first` on, up to `end`, are from the first of them; undefined: one by one. */
function holesIn(deltas: readonly number[], first: number, end: number): number[] | undefined {
  const base = deltas[first] as number
  if ((deltas[end - 1] as number) - base === end - 1 - first) return undefined
  return deltas.slice(first, end).map((delta) => delta - base)
}

function packedSize(numbers: readonly number[]): number {
  let size = 0
  for (const number of numbers) size += varintSize(number)
  return size
}

function writePacked(target: Uint8Array, from: number, numbers: readonly number[]): number {
  target[from] = bytesTag(8)
  let at = writeVarint(target, from + 1, packedSize(numbers))
  for (const number of numbers) at = writeVarint(target, at, number)
  return at
}

function put(target: Uint8Array, at: number, source: Uint8Array): number {
  return copy(target, at, source, 0, source.length)
}

/** A call of `set` costs as much as some dozens of bytes one by one. */
const loopMaxBytes = 48

function copy(target: Uint8Array, at: number, source: Uint8Array, from: number, to: number): number {
  const length = to - from
  if (length > loopMaxBytes) target.set(source.subarray(from, to), at)
  else for (let index = 0; index < length; index++) target[at + index] = source[from + index] as number
  return at + length
}
