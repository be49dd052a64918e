/** What a node answers to a reader, as the history has it: records become sums, which is all that judges ask for. */

import type { ReadRun } from '../history.ts'
import { recordSums } from '../universe/record-sums.ts'
import { WireFields } from '../universe/wire-fields.ts'

export interface ReadAnswer {
  readonly runs: readonly ReadRun[]
  readonly atEnd: boolean
  readonly cursor: Uint8Array
}

/** Of a `ConsumeResponse` or `ConsumeStreamResponse`, which are the same on the wire. Throws where it is none. */
export function readAnswer(topic: string, message: Uint8Array): ReadAnswer {
  const runs: ReadRun[] = []
  let cursor: Uint8Array = new Uint8Array(0)
  let atEnd = false
  const fields = new WireFields(message)
  while (fields.next()) {
    if (fields.number === 1) runs.push(runOf(topic, message, fields.from, fields.to))
    else if (fields.number === 2) cursor = fields.bytes()
    else if (fields.number === 3) atEnd = fields.value !== 0
  }
  if (fields.isBroken) throw new Error('an answer to a reader breaks off')
  return { runs, atEnd, cursor }
}

/** A `DeliveredBatch`. */
function runOf(topic: string, message: Uint8Array, from: number, to: number): ReadRun {
  let [origin, epoch, base, timestamp] = ['', '', 0, 0n]
  let sums: readonly number[] | undefined = []
  const fields = new WireFields(message, from, to)
  while (fields.next()) {
    if (fields.number === 1) origin = fields.text()
    else if (fields.number === 2) epoch = epochText(message, fields.from, fields.to)
    else if (fields.number === 3) base = fields.value
    else if (fields.number === 4) timestamp = fields.big()
    else if (fields.number === 5) sums = recordSums(message, fields.from, fields.to)
  }
  if (fields.isBroken || sums === undefined) throw new Error('a batch for a reader breaks off')
  return { log: `${topic}/${origin}/${epoch}`, from: base, sums, timestamp }
}

/** As a UUID is written. */
export function epochText(bytes: Uint8Array, from = 0, to = bytes.length): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
