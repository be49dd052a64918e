/** Records of one log that lie behind each other, as they came. */

import { BatchBytes } from './batch-bytes.ts'
import { RecordInBatch } from './consumed-record.ts'
import type { ConsumedRecord } from './record.ts'
import { malformed } from './wire.ts'

const recordTag = 0x0a

/** Whose records these are. */
export interface Producer {
  /** Of its id. */
  readonly key: string
  /** Of the first record here; the others' are as far from it as their offsets are from its. */
  readonly sequence: number
  /** How many records; 0: not known without counting. */
  readonly count: number
}

/** What all its records have in common, and the way to them. They share memory with the whole answer they came in. */
export class ConsumedBatch implements Iterable<ConsumedRecord> {
  readonly topic: string
  readonly origin: string
  readonly epoch: string
  /** Of the first record. */
  readonly baseOffset: number
  /** When it was appended, by the origin's clock: ms since 1970. */
  readonly timestampMs: number
  readonly #bytes: Uint8Array
  readonly #deltas: readonly number[] | undefined
  readonly #producer: Producer | undefined
  #count: number | undefined

  constructor(batch: {
    topic: string
    origin: string
    epoch: string
    baseOffset: number
    timestampMs: number
    /** A RecordBatch. */
    bytes: Uint8Array
    /** How far each record is from the first; undefined: one by one. */
    deltas: readonly number[] | undefined
    /** Undefined: nobody in particular. */
    producer: Producer | undefined
  }) {
    this.topic = batch.topic
    this.origin = batch.origin
    this.epoch = batch.epoch
    this.baseOffset = batch.baseOffset
    this.timestampMs = batch.timestampMs
    this.#bytes = batch.bytes
    this.#deltas = batch.deltas
    this.#producer = batch.producer
  }

  /** What `Repeats` tells by whether it had these records before; undefined: nobody in particular wrote them. */
  static producerOf(batch: ConsumedBatch): Producer | undefined {
    return batch.#producer
  }

  /** How far the last record is from the first, by offset and by sequence. */
  static spanOf(batch: ConsumedBatch): number {
    return batch.#deltas?.at(-1) ?? (batch.#producer?.count || batch.count) - 1
  }

  /** Whoever went through it need not count again. */
  static counted(batch: ConsumedBatch, count: number): void {
    batch.#count = count
  }

  /** The same batch without the records that `keep` does not want, by how far they are from the first one. */
  static where(batch: ConsumedBatch, keep: (delta: number) => boolean): ConsumedBatch {
    const bytes = new Uint8Array(batch.#bytes.length)
    const deltas: number[] = []
    let size = 0
    const walk = new Walk(batch.#bytes)
    for (let index = 0, from = 0; walk.step(); index++, from = walk.end) {
      const delta = batch.#deltas ? (batch.#deltas[index] ?? 0) : index
      if (!keep(delta)) continue
      bytes.set(batch.#bytes.subarray(from, walk.end), size)
      size += walk.end - from
      deltas.push(delta)
    }
    const { topic, origin, epoch, baseOffset, timestampMs } = batch
    const records = bytes.subarray(0, size)
    return new ConsumedBatch({
      ...{ topic, origin, epoch, baseOffset, timestampMs, bytes: records, deltas, producer: batch.#producer },
    })
  }

  /** Of the records as they are stored. */
  get bytes(): number {
    return this.#bytes.length
  }

  /** How many records. */
  get count(): number {
    if (this.#count === undefined) {
      const walk = new Walk(this.#bytes)
      let count = 0
      for (; walk.step(); ) count++
      this.#count = count
    }
    return this.#count
  }

  /** Behind the last record. */
  get endOffset(): number {
    return this.baseOffset + (this.#deltas?.at(-1) ?? this.count - 1) + 1
  }

  /** Throws `INTERNAL` at a record that is malformed. */
  [Symbol.iterator](): BatchRecords {
    return new BatchRecords(this, this.#bytes, this.#deltas)
  }
}

/** From record to record of a batch. */
class Walk {
  readonly bytes: Uint8Array
  /** Of the record that `step` found: where its content begins, and ends. */
  from = 0
  end = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** False at the end. */
  step(): boolean {
    const { bytes } = this
    let at = this.end
    if (at >= bytes.length) return false
    if (bytes[at++] !== recordTag) throw malformed('a batch that holds something else than records')
    let size = bytes[at++] as number
    if (size >= 0x80) {
      size &= 0x7f
      for (let factor = 128; ; factor *= 128) {
        const byte = bytes[at++] as number
        size += (byte & 0x7f) * factor
        if (byte < 0x80) break
        if (!(factor < 2 ** 28)) throw malformed('a length that does not end')
      }
    }
    this.from = at
    this.end = at + size
    if (!(this.end <= bytes.length)) throw malformed('a record that is cut short')
    return true
  }
}

export class BatchRecords extends Walk implements IterableIterator<ConsumedRecord> {
  readonly #batch: ConsumedBatch
  readonly #viewed: BatchBytes
  readonly #deltas: readonly number[] | undefined
  #index = 0

  constructor(batch: ConsumedBatch, bytes: Uint8Array, deltas: readonly number[] | undefined) {
    super(bytes)
    this.#batch = batch
    this.#viewed = new BatchBytes(bytes)
    this.#deltas = deltas
  }

  /** Undefined at the end. */
  take(): ConsumedRecord | undefined {
    if (!this.step()) {
      ConsumedBatch.counted(this.#batch, this.#index)
      return undefined
    }
    const index = this.#index++
    const delta = this.#deltas ? this.#deltas[index] : index
    if (delta === undefined) throw malformed('a record without an offset')
    return new RecordInBatch(this.#batch, this.#batch.baseOffset + delta, this.#viewed, this.from, this.end)
  }

  next(): IteratorResult<ConsumedRecord, undefined> {
    const value = this.take()
    return value ? { done: false, value } : { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }
}
