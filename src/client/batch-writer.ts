/**
 * Records straight into the bytes of a `RecordBatch`: no message objects, one pass, room in front for the rest of the
 * request. Text is written as UTF-8 in place: its length is guessed as if it were ASCII, and what follows is moved where
 * that was wrong.
 */

import { fieldSize, varintSize, writeField, writeVarint } from '../wire.ts'
import { type Bytes, bytesOf, type OutgoingRecord } from './record.ts'

const recordsTag = 0x0a
const keyField = 1
const valueField = 2
const headersField = 3
const timestampTag = 0x20
/** Tag, length and timestamp of a record, and the tags and lengths of its key and value. */
const frameBytesMax = 40
/** Shorter text is written sooner by a loop than by a call. */
const loopMax = 40

const utf8 = new TextEncoder()

export class BatchWriter {
  #bytes: Uint8Array
  readonly #from: number
  #end: number
  /** Where the last record begins. */
  #last = 0
  #count = 0
  readonly #timestamp = new Uint8Array(11)
  #timestampMs = -1
  #timestampBytes = 0

  /** `headBytes`: left free in front. */
  constructor(headBytes: number, capacityBytes: number) {
    this.#bytes = new Uint8Array(headBytes + capacityBytes)
    this.#from = headBytes
    this.#end = headBytes
  }

  get count(): number {
    return this.#count
  }

  /** Of the batch. */
  get length(): number {
    return this.#end - this.#from
  }

  get batch(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#end)
  }

  /** The batch and `headBytes` in front of it. */
  get withHead(): Uint8Array {
    return this.#bytes.subarray(0, this.#end)
  }

  /** Takes the last record out again, as bytes for `append`. */
  takeLast(): Uint8Array {
    const last = this.#bytes.slice(this.#last, this.#end)
    this.#end = this.#last
    this.#count--
    return last
  }

  append(record: Uint8Array): void {
    this.#reserve(record.length)
    this.#last = this.#end
    this.#bytes.set(record, this.#end)
    this.#end += record.length
    this.#count++
  }

  /** `producedMs`: a whole number, 0: not given. */
  add({ key, value, headers }: OutgoingRecord, producedMs: number): void {
    const encoded = headers ? encodeHeaders(headers) : none
    this.#reserve(frameBytesMax + 3 * ((key?.length ?? 0) + value.length) + encoded.length)
    if (producedMs !== this.#timestampMs) this.#noteTime(producedMs)
    const target = this.#bytes
    const start = this.#end
    const guess = fieldSize(key?.length ?? 0) + fieldSize(value.length) + encoded.length + this.#timestampBytes
    const body = start + 1 + varintSize(guess)
    let at = body
    if (key !== undefined && key.length > 0) at = writeData(target, at, keyField, key)
    if (value.length > 0) at = writeData(target, at, valueField, value)
    if (encoded.length > 0) {
      target.set(encoded, at)
      at += encoded.length
    }
    for (let n = 0; n < this.#timestampBytes; n++) target[at++] = this.#timestamp[n] as number
    const size = at - body
    target[start] = recordsTag
    const written = writeLength(target, start + 1, body, size)
    this.#last = start
    this.#end = written + size
    this.#count++
  }

  #noteTime(producedMs: number): void {
    this.#timestampMs = producedMs
    this.#timestamp[0] = timestampTag
    this.#timestampBytes = producedMs > 0 ? writeVarint(this.#timestamp, 1, producedMs) : 0
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    grown.set(this.withHead)
    this.#bytes = grown
  }
}

const none = new Uint8Array(0)

/** A length in front of content that was written at `content`; moves the content to where the length ends. */
function writeLength(target: Uint8Array, at: number, content: number, size: number): number {
  const behind = at + varintSize(size)
  if (behind !== content) target.copyWithin(behind, content, content + size)
  return writeVarint(target, at, size)
}

function writeData(target: Uint8Array, at: number, field: number, data: Bytes): number {
  if (typeof data !== 'string') return writeField(target, at, field, data)
  target[at] = (field << 3) | 2
  const content = at + 1 + varintSize(data.length)
  const size = writeText(target, content, data)
  return writeLength(target, at + 1, content, size) + size
}

/** Returns the bytes written; there is room for 3 a character. */
function writeText(target: Uint8Array, at: number, text: string): number {
  const length = text.length
  if (length <= loopMax) {
    let n = 0
    for (; n < length; n++) {
      const unit = text.charCodeAt(n)
      if (unit >= 0x80) break
      target[at + n] = unit
    }
    if (n === length) return length
  }
  return utf8.encodeInto(text, target.subarray(at)).written
}

function encodeHeaders(headers: Iterable<readonly [name: string, value: Bytes]>): Uint8Array {
  const fields: Uint8Array[] = []
  let bytes = 0
  for (const [name, data] of headers) {
    const [key, value] = [utf8.encode(name), bytesOf(data)]
    const size = (key.length > 0 ? fieldSize(key.length) : 0) + (value.length > 0 ? fieldSize(value.length) : 0)
    const field = new Uint8Array(fieldSize(size))
    field[0] = (headersField << 3) | 2
    let at = writeVarint(field, 1, size)
    if (key.length > 0) at = writeField(field, at, 1, key)
    if (value.length > 0) writeField(field, at, 2, value)
    fields.push(field)
    bytes += field.length
  }
  const encoded = new Uint8Array(bytes)
  let at = 0
  for (const field of fields) {
    encoded.set(field, at)
    at += field.length
  }
  return encoded
}
