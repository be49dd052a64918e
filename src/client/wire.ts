/**
 * The protobuf wire format as far as reading records needs it: by position, without an object a field. The bytes come from
 * a server and are not trusted: every step is held within the message it belongs to, and throws `INTERNAL` where it would
 * leave it.
 *
 * https://protobuf.dev/programming-guides/encoding/
 */

import { ReeveError } from '../errors.ts'

export const wireVarint = 0
export const wireBytes = 2

const two28 = 2 ** 28

/** Walks along the fields of one message, again and again along another one. */
export class WireReader {
  bytes: Uint8Array = nothing
  /** Behind the field that was read last. */
  at = 0
  end = 0
  /** Of the field that `next` found: its number and wire type. */
  field = 0
  wire = 0
  /** Where its content begins; for a length-delimited one that is behind the length. `at` is where it ends. */
  from = 0
  /** Of a varint: value >> 28 and the 28 bits below. */
  high = 0
  low = 0

  /** The message that `bytes` hold from `from` up to `end`. */
  over(bytes: Uint8Array, from: number, end: number): this {
    this.bytes = bytes
    this.at = from
    this.end = end
    return this
  }

  /** False at the end of the message. */
  next(): boolean {
    if (this.at >= this.end) return false
    const tag = this.#length('a tag')
    this.field = Math.floor(tag / 8)
    this.wire = tag % 8
    if (this.field === 0) throw malformed('field number 0')
    this.from = this.at
    if (this.wire === wireVarint) this.#varint()
    else if (this.wire === wireBytes) {
      const size = this.#length('a length')
      this.from = this.at
      this.at += size
    } else if (this.wire === 1) this.at += 8
    else if (this.wire === 5) this.at += 4
    else throw malformed(`wire type ${this.wire}`)
    if (this.at > this.end) throw malformed('a field that is cut short')
    return true
  }

  /** The varint that was read, as a number; large ones only nearly. */
  get number(): number {
    return this.high * two28 + this.low
  }

  /** Throws unless it is one that counts something. */
  get offset(): number {
    const value = this.number
    if (!Number.isSafeInteger(value)) throw malformed(`a number that is out of range`)
    return value
  }

  /** Reads a varint that stands alone, as in a packed field. */
  packed(): number {
    this.#varint()
    return this.offset
  }

  #varint(): void {
    const { bytes, end } = this
    let { at } = this
    let low = 0
    let high = 0
    for (let index = 0; at < end && index < 10; index++) {
      const byte = bytes[at++] as number
      if (index < 4) low += (byte & 0x7f) << (7 * index)
      else high += (byte & 0x7f) * 2 ** (7 * (index - 4))
      if (byte < 0x80) {
        this.low = low
        this.high = high
        this.at = at
        return
      }
    }
    throw malformed('a number that does not end')
  }

  #length(what: string): number {
    this.#varint()
    const value = this.number
    if (value > 0xffffffff) throw malformed(`${what} over 32 bits`)
    return value
  }
}

const nothing = new Uint8Array(0)

export function malformed(what: string): ReeveError {
  return new ReeveError('INTERNAL', `the server sent a malformed answer: ${what}`)
}
