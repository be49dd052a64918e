/** Records as a program gives and gets them. */

import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RecordSchema } from '../gen/reeve/v1/record_pb.ts'

/** Text is stored as UTF-8. */
export type Bytes = Uint8Array | string

export interface OutgoingRecord {
  readonly key?: Bytes
  readonly value: Bytes
  readonly headers?: Iterable<readonly [name: string, value: Bytes]>
}

export interface ConsumedRecord {
  readonly topic: string
  /** Name of the node that wrote it, and the run of that node (UUID). With the offset, the record's id for ever. */
  readonly origin: string
  readonly epoch: string
  readonly offset: number
  /** When it was appended, by the origin's clock: ms since 1970. */
  readonly timestampMs: number
  /** When it was produced, by the producer's clock: ms since 1970; undefined: not given. */
  readonly producedMs: number | undefined
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[]
}

/** Where a record is stored. */
export interface RecordId {
  readonly origin: string
  readonly epoch: string
  readonly offset: number
}

const encoder = new TextEncoder()

function bytesOf(data: Bytes): Uint8Array {
  return typeof data === 'string' ? encoder.encode(data) : data
}

export function toWire(record: OutgoingRecord, producedMs: number): MessageInitShape<typeof RecordSchema> {
  return {
    key: bytesOf(record.key ?? ''),
    value: bytesOf(record.value),
    headers: [...(record.headers ?? [])].map(([name, value]) => ({ name, value: bytesOf(value) })),
    timestampMs: BigInt(Math.max(0, Math.trunc(producedMs))),
  }
}

/** Milliseconds of a hybrid logical timestamp (`ms << 16 | counter`). */
export function timestampToMs(timestamp: bigint): number {
  return Number(timestamp >> 16n)
}

/** Bytes of a record in a batch, at most a few too many. */
export function recordBytes(record: OutgoingRecord): number {
  let bytes = 24 + sizeOf(record.key ?? '') + sizeOf(record.value)
  for (const [name, value] of record.headers ?? []) bytes += 16 + sizeOf(name) + sizeOf(value)
  return bytes
}

/** UTF-8 takes at most 3 bytes for each UTF-16 unit. */
function sizeOf(data: Bytes): number {
  return typeof data === 'string' ? data.length * 3 : data.length
}
