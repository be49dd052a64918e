/** Writes ProduceResponse and ProduceStreamResponse (the same fields), one for every acknowledged batch. */

import { Durability } from '../gen/reeve/v1/log_service_pb.ts'
import type { Appended } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import { epochToBytes } from '../log/log-id.ts'
import {
  bigVarintSize,
  bytesTag,
  fieldSize,
  varintSize,
  varintTag,
  writeBigVarint,
  writeField,
  writeVarint,
} from './wire.ts'

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
  const target = new Uint8Array(
    fieldSize(log.length) +
      (1 + varintSize(appended.baseOffset)) +
      (1 + varintSize(appended.recordCount)) +
      (1 + varintSize(copies)) +
      2 +
      (1 + bigVarintSize(appended.timestamp)),
  )
  target[0] = bytesTag(1)
  let at = writeVarint(target, 1, log.length)
  target.set(log, at)
  at += log.length
  target[at++] = varintTag(2)
  at = writeVarint(target, at, appended.baseOffset)
  target[at++] = varintTag(3)
  at = writeVarint(target, at, appended.recordCount)
  target[at++] = varintTag(4)
  at = writeVarint(target, at, copies)
  target[at++] = varintTag(5)
  target[at++] = durability === 'fsync' ? Durability.FSYNC : Durability.OS
  target[at++] = varintTag(6)
  writeBigVarint(target, at, appended.timestamp)
  return target
}
