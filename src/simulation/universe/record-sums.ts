/** One number for what a record says, the same whether it lies on a disk, was sent by a client or came to a reader. */

import { xxh32 } from '@node-rs/xxhash'

export function recordSum(key: Uint8Array, value: Uint8Array): number {
  return xxh32(value, key.length === 0 ? 0 : xxh32(key, 1))
}

const nothing = new Uint8Array(0)

/** Of each record of a `reeve.v1.RecordBatch`; undefined where the bytes are no such message. */
export function recordSums(batch: Uint8Array): number[] | undefined {
  const sums: number[] = []
  for (const field of fieldsOf(batch)) {
    if (field === undefined) return undefined
    if (field.number !== 1 || field.bytes === undefined) continue
    let [key, value]: [Uint8Array, Uint8Array] = [nothing, nothing]
    for (const part of fieldsOf(field.bytes)) {
      if (part === undefined) return undefined
      if (part.number === 1 && part.bytes) key = part.bytes
      if (part.number === 2 && part.bytes) value = part.bytes
    }
    sums.push(recordSum(key, value))
  }
  return sums
}

interface Field {
  readonly number: number
  /** Undefined: a number, not bytes. */
  readonly bytes: Uint8Array | undefined
}

/** The fields of a protobuf message (protobuf.dev/programming-guides/encoding), undefined where it breaks off. */
export function* fieldsOf(message: Uint8Array): Generator<Field | undefined> {
  let at = 0
  const varint = (): number | undefined => {
    let value = 0
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] as number
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    return undefined
  }
  while (at < message.length) {
    const tag = varint()
    if (tag === undefined) return yield undefined
    const [number, wire] = [Math.floor(tag / 8), tag % 8]
    let bytes: Uint8Array | undefined
    if (wire === 0) {
      if (varint() === undefined) return yield undefined
    } else {
      const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? varint() : undefined
      if (length === undefined || at + length > message.length) return yield undefined
      if (wire === 2) bytes = message.subarray(at, at + length)
      at += length
    }
    yield { number, bytes }
  }
}
