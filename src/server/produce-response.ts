/** Writes ProduceResponse and ProduceStreamResponse (the same fields), one for every acknowledged batch. */

import { framedHeadBytes, writeFramedHead } from '../framed.ts'
import { Durability } from '../gen/reeve/v1/log_service_pb.ts'
import type { Appended } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import { epochToBytes } from '../log/log-id.ts'
import {
  bigVarintFieldSize,
  fieldSize,
  varintFieldSize,
  writeBigVarintField,
  writeField,
  writeVarintField,
} from '../wire.ts'

const utf8 = new TextEncoder()

/** `fsync`: durable before the answer. `os`: handed to the operating system only. */
export type DurabilitySetting = 'fsync' | 'os'

/** LogId as a message. It is the same for every answer about one log: encode it once. */
export function encodeLogId(id: LogId): Uint8Array {
  const topic = utf8.encode(id.topic)
  const origin = utf8.encode(id.origin)
  const epoch = epochToBytes(id.epoch)
  const target = new Uint8Array(fieldSize(topic.length) + fieldSize(origin.length) + fieldSize(epoch.length))
  let at = writeField(target, 0, 1, topic)
  at = writeField(target, at, 2, origin)
  writeField(target, at, 3, epoch)
  return target
}

/** `log` is `encodeLogId` of the log appended to; `copies` counts the nodes known to have the batch. */
export function encodeProduceResponse(
  log: Uint8Array,
  appended: Appended,
  copies: number,
  durability: DurabilitySetting,
): Uint8Array {
  const mode = durability === 'fsync' ? Durability.FSYNC : Durability.OS
  const target = new Uint8Array(sizeOf(log, appended, copies, mode))
  write(target, 0, log, appended, copies, mode)
  return target
}

/** The same for many that need no more copies, framed one behind the other; `encodeId` is asked for each one's log. */
export function frameProduceResponses(
  encodeId: (log: LogId) => Uint8Array,
  appended: readonly Appended[],
  durability: DurabilitySetting,
): Uint8Array {
  const mode = durability === 'fsync' ? Durability.FSYNC : Durability.OS
  let bytes = 0
  for (const each of appended) bytes += framedHeadBytes + sizeOf(encodeId(each.log), each, 1, mode)
  const target = new Uint8Array(bytes)
  let at = 0
  for (const each of appended) {
    const end = write(target, at + framedHeadBytes, encodeId(each.log), each, 1, mode)
    writeFramedHead(target, at, end - at - framedHeadBytes)
    at = end
  }
  return target
}

function sizeOf(log: Uint8Array, appended: Appended, copies: number, mode: Durability): number {
  return (
    fieldSize(log.length) +
    varintFieldSize(appended.baseOffset) +
    varintFieldSize(appended.recordCount) +
    varintFieldSize(copies) +
    varintFieldSize(mode) +
    bigVarintFieldSize(appended.timestamp) +
    (appended.duplicate ? varintFieldSize(1) : 0)
  )
}

/** Returns the position behind it. */
function write(
  target: Uint8Array,
  position: number,
  log: Uint8Array,
  appended: Appended,
  copies: number,
  mode: Durability,
): number {
  let at = writeField(target, position, 1, log)
  at = writeVarintField(target, at, 2, appended.baseOffset)
  at = writeVarintField(target, at, 3, appended.recordCount)
  at = writeVarintField(target, at, 4, copies)
  at = writeVarintField(target, at, 5, mode)
  at = writeBigVarintField(target, at, 6, appended.timestamp)
  return appended.duplicate ? writeVarintField(target, at, 7, 1) : at
}
