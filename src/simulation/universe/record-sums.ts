/** One number for what a record says, the same whether it lies on a disk, was sent by a client or came to a reader. */

import { checksum } from '../checksum.ts'
import { WireFields } from './wire-fields.ts'

export function recordSum(key: Uint8Array, value: Uint8Array): number {
  return checksum(value, key.length === 0 ? 0 : checksum(key, 1))
}

/** Of each record of a `reeve.v1.RecordBatch` that lies there; undefined where the bytes are no such message. */
export function recordSums(bytes: Uint8Array, from = 0, to = bytes.length): number[] | undefined {
  const sums: number[] = []
  const records = new WireFields(bytes, from, to)
  while (records.next()) {
    if (records.number !== 1 || !records.isBytes) continue
    const fields = new WireFields(bytes, records.from, records.to)
    let seed = 0
    let [valueFrom, valueTo] = [records.from, records.from]
    while (fields.next()) {
      if (!fields.isBytes) continue
      if (fields.number === 1 && fields.to > fields.from) seed = checksum(bytes, 1, fields.from, fields.to)
      else if (fields.number === 2) {
        valueFrom = fields.from
        valueTo = fields.to
      }
    }
    if (fields.isBroken) return undefined
    sums.push(checksum(bytes, seed, valueFrom, valueTo))
  }
  return records.isBroken ? undefined : sums
}
