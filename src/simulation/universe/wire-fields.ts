/**
 * Goes through the fields of a protobuf message (protobuf.dev/programming-guides/encoding), from its bytes alone: what nodes
 * write and answer is read by eyes that do not share their mistakes, and without an object a field.
 */
export class WireFields {
  /** Of the field where it stands. */
  number = 0
  /** Where what is in it lies; of a number, where the number does. */
  from = 0
  to = 0
  /** What is in it is bytes, and not a number. */
  isBytes = false
  /** A number's value, exact up to 2^53. */
  value = 0
  /** The message breaks off, or is none. */
  isBroken = false
  readonly #message: Uint8Array
  readonly #end: number
  #at: number

  constructor(message: Uint8Array, from = 0, to = message.length) {
    this.#message = message
    this.#at = from
    this.#end = to
  }

  /** Goes to the next field. False: there is none, or the message is broken. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const tag = this.#varint()
    const wire = tag & 7
    this.number = Math.floor(tag / 8)
    this.isBytes = wire === 2
    let length = 0
    if (wire === 2) length = this.#varint()
    else if (wire === 1) length = 8
    else if (wire === 5) length = 4
    else if (wire !== 0) this.isBroken = true
    this.from = this.#at
    if (wire === 0) this.value = this.#varint()
    else this.#at += length
    this.to = this.#at
    if (this.#at > this.#end) this.isBroken = true
    return !this.isBroken
  }

  bytes(): Uint8Array {
    return this.#message.subarray(this.from, this.to)
  }

  text(): string {
    return Buffer.from(this.#message.buffer, this.#message.byteOffset + this.from, this.to - this.from).toString()
  }

  /** The number, all of it. */
  big(): bigint {
    if (this.value <= Number.MAX_SAFE_INTEGER) return BigInt(this.value)
    let value = 0n
    for (let at = this.to - 1; at >= this.from; at--) value = (value << 7n) | BigInt(this.#message[at]! & 127)
    return value
  }

  #varint(): number {
    let value = 0
    for (let scale = 1; this.#at < this.#end; scale *= 128) {
      const byte = this.#message[this.#at++]!
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    this.isBroken = true
    return 0
  }
}
