/** What a server answers to who consumes, read by hand: batches stay the bytes they are. */

import { producerIdBytes } from '../log/frame.ts'
import { producerKey } from '../log/producers.ts'
import { ConsumedBatch } from './consumed-batch.ts'
import { textIn } from './consumed-record.ts'
import { epochText } from './servers.ts'
import { malformed, WireReader, wireBytes, wireVarint } from './wire.ts'

export interface Answer {
  readonly batches: readonly ConsumedBatch[]
  /** Stands behind the last record of `batches`. */
  readonly cursor: Uint8Array
}

/** Reads ConsumeStreamResponse messages of one call; most batches come from the log that the one before came from. */
export class AnswerReader {
  readonly #topic: string
  readonly #message = new WireReader()
  readonly #fields = new WireReader()
  #originBytes: Uint8Array = nothing
  #origin = ''
  #epochBytes: Uint8Array = nothing
  #epoch = ''
  #producerBytes: Uint8Array = nothing
  #producer = ''

  constructor(topic: string) {
    this.#topic = topic
  }

  /** Throws `INTERNAL`. The answer shares the memory of `bytes`. */
  read(bytes: Uint8Array): Answer {
    const batches: ConsumedBatch[] = []
    let cursor: Uint8Array = nothing
    for (const message = this.#message.over(bytes, 0, bytes.length); message.next(); ) {
      if (message.field > 2) continue
      if (message.wire !== wireBytes) throw malformed(`field ${message.field} has wire type ${message.wire}`)
      if (message.field === 1) batches.push(this.#batch(bytes, message.from, message.at))
      else cursor = bytes.slice(message.from, message.at)
    }
    return { batches, cursor }
  }

  #batch(bytes: Uint8Array, from: number, end: number): ConsumedBatch {
    let origin: Uint8Array = nothing
    let epoch: Uint8Array = nothing
    let baseOffset = 0
    let timestampMs = 0
    let records: Uint8Array = nothing
    let deltas: number[] | undefined
    let producer: Uint8Array = nothing
    let sequence = 0
    let count = 0
    for (const fields = this.#fields.over(bytes, from, end); fields.next(); ) {
      const { field, wire } = fields
      if (field > 9) continue
      const numeric = field === 3 || field === 4 || field === 7 || field === 9 || (field === 8 && wire === wireVarint)
      if (wire !== (numeric ? wireVarint : wireBytes)) throw malformed(`field ${field} has wire type ${wire}`)
      if (field === 1) origin = bytes.subarray(fields.from, fields.at)
      else if (field === 2) epoch = bytes.subarray(fields.from, fields.at)
      else if (field === 3) baseOffset = fields.offset
      else if (field === 4) timestampMs = hybridMs(fields)
      else if (field === 5) records = bytes.subarray(fields.from, fields.at)
      else if (field === 6) producer = bytes.subarray(fields.from, fields.at)
      else if (field === 7) sequence = fields.offset
      else if (field === 9) count = fields.offset
      else {
        deltas ??= []
        if (wire === wireVarint) deltas.push(deltaOf(fields.offset))
        else
          for (const each = packed.over(bytes, fields.from, fields.at); each.at < each.end; )
            deltas.push(deltaOf(each.packed()))
      }
    }
    if (baseOffset > offsetMax || sequence > offsetMax) throw malformed('an offset that is out of range')
    this.#name(origin, epoch, producer)
    return new ConsumedBatch({
      topic: this.#topic,
      origin: this.#origin,
      epoch: this.#epoch,
      baseOffset,
      timestampMs,
      bytes: records,
      deltas,
      producer: producer.length === 0 ? undefined : { key: this.#producer, sequence, count: deltaOf(count) },
    })
  }

  #name(origin: Uint8Array, epoch: Uint8Array, producer: Uint8Array): void {
    if (!equal(origin, this.#originBytes)) {
      this.#origin = textIn(origin)
      this.#originBytes = origin.slice()
    }
    if (epoch.length === 0 || !equal(epoch, this.#epochBytes)) {
      this.#epoch = epochText(epoch)
      this.#epochBytes = epoch.slice()
    }
    if (producer.length > 0 && !equal(producer, this.#producerBytes)) {
      if (producer.length !== producerIdBytes) throw malformed('a producer id that is none')
      this.#producer = producerKey(producer)
      this.#producerBytes = producer.slice()
    }
  }
}

const nothing = new Uint8Array(0)
const packed = new WireReader()
/** The records behind it, at most so many as 32 bits can tell, have offsets that are safe numbers, too. */
const offsetMax = Number.MAX_SAFE_INTEGER - 2 ** 33

function deltaOf(value: number): number {
  if (value > 0xffffffff) throw malformed('an offset that is out of range')
  return value
}

/** Milliseconds of a hybrid logical timestamp: `ms << 16 | counter`. */
function hybridMs({ high, low }: WireReader): number {
  return high * 2 ** 12 + (low >>> 16)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
