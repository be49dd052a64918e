/**
 * Writes ConsumeResponse and ConsumeStreamResponse (the same fields). The batches go from the frame into the message as
 * they are stored: one copy, no decoding.
 */

import type { ProducerMark } from '../log/frame.ts'
import { epochToBytes } from '../log/log-id.ts'
import { unwritten } from '../unwritten.ts'
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

const utf8 = new TextEncoder()

/** What names a log in a delivery; encoded once a log. */
export interface DeliveryOrigin {
  readonly origin: Uint8Array
  readonly epoch: Uint8Array
}

/** A run of records of one log. `batch`: a RecordBatch. */
export interface DeliveredRun {
  readonly from: DeliveryOrigin
  readonly baseOffset: number
  readonly timestamp: bigint
  readonly batch: Uint8Array
  /** Of the first record here. */
  readonly producer?: ProducerMark | undefined
  readonly recordCount: number
  /** How far each record is from `baseOffset`; undefined: one by one. */
  readonly offsetDeltas?: readonly number[] | undefined
}

/** `epoch` as UUID text. */
export function deliveryOrigin(origin: string, epoch: string): DeliveryOrigin {
  return { origin: utf8.encode(origin), epoch: epochToBytes(epoch) }
}

/** Bytes that a run takes in a response. */
export function deliveredBytes(run: DeliveredRun): number {
  return fieldSize(runSize(run))
}

/** The same without its own tag and length. */
function runSize(run: DeliveredRun): number {
  return (
    fieldSize(run.from.origin.length) +
    fieldSize(run.from.epoch.length) +
    varintFieldSize(run.baseOffset) +
    bigVarintFieldSize(run.timestamp) +
    fieldSize(run.batch.length) +
    (run.producer ? fieldSize(run.producer.id.length) + varintFieldSize(run.producer.sequence) : 0) +
    (run.producer ? varintFieldSize(run.recordCount) : 0) +
    (run.offsetDeltas ? fieldSize(deltasSize(run.offsetDeltas)) : 0)
  )
}

/** Packed. */
function deltasSize(deltas: readonly number[]): number {
  let size = 0
  for (const delta of deltas) size += varintSize(delta)
  return size
}

/** `cursor` stands behind the last record of `runs`. */
export function encodeDelivery(runs: readonly DeliveredRun[], cursor: Uint8Array, atEnd: boolean): Uint8Array {
  let size = fieldSize(cursor.length) + (atEnd ? varintFieldSize(1) : 0)
  const sizes: number[] = []
  for (const run of runs) {
    const bytes = runSize(run)
    sizes.push(bytes)
    size += fieldSize(bytes)
  }
  const target = unwritten(size)
  let at = 0
  for (const [index, run] of runs.entries()) {
    target[at++] = bytesTag(1)
    at = writeVarint(target, at, sizes[index] as number)
    at = writeField(target, at, 1, run.from.origin)
    at = writeField(target, at, 2, run.from.epoch)
    at = writeVarintField(target, at, 3, run.baseOffset)
    at = writeBigVarintField(target, at, 4, run.timestamp)
    at = writeField(target, at, 5, run.batch)
    if (run.producer) {
      at = writeField(target, at, 6, run.producer.id)
      at = writeVarintField(target, at, 7, run.producer.sequence)
    }
    if (run.offsetDeltas) {
      target[at++] = bytesTag(8)
      at = writeVarint(target, at, deltasSize(run.offsetDeltas))
      for (const delta of run.offsetDeltas) at = writeVarint(target, at, delta)
    }
    if (run.producer) at = writeVarintField(target, at, 9, run.recordCount)
  }
  at = writeField(target, at, 2, cursor)
  if (atEnd) at = writeVarintField(target, at, 3, 1)
  if (at !== size) throw new Error(`${at} bytes were written where ${size} were announced`)
  return target
}
