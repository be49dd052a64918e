/**
 * Writes MessagePack as the Go members do. Integers take their shortest form. Struct keys come sorted from
 * `msgpack-struct.ts`; this file knows bytes only.
 */

import { textLength, writeText } from './text.ts'

/** How a sender spells what MessagePack lets one spell in two ways. */
export interface Dialect {
  /** Strings of 32–255 bytes as str8, and byte strings as bin: the newer MessagePack specification. */
  readonly newSpec: boolean
  /** Signed fields above 127 as int16/32/64 rather than in the unsigned forms. */
  readonly signedInts: boolean
}

/** Between members. Every version of Serf reads it, so it is all we send there. */
export const gossipDialect: Dialect = { newSpec: false, signedInts: false }
/** Between members, from Serf 0.10.2 (go-msgpack v2) on. */
export const newerGossipDialect: Dialect = { newSpec: false, signedInts: true }
/** To the clients of an agent. */
export const ipcDialect: Dialect = { newSpec: true, signedInts: false }

export class MsgpackWriter {
  readonly #dialect: Dialect
  #bytes: Uint8Array
  #view: DataView
  #end = 0

  constructor(dialect: Dialect = gossipDialect, roomBytes = 256) {
    this.#dialect = dialect
    this.#bytes = new Uint8Array(roomBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** A copy of what was written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#end)
  }

  /** One byte that is not MessagePack, such as a message type. */
  byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#end++] = value
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  nil(): void {
    this.byte(0xc0)
  }

  bool(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2)
  }

  float(value: number): void {
    this.#room(9)
    this.#bytes[this.#end] = 0xcb
    this.#view.setFloat64(this.#end + 1, value)
    this.#end += 9
  }

  /** A field that is unsigned in Go, 0 to 2^53 - 1. */
  uint(value: number): void {
    if (value < 0x80) this.byte(value)
    else if (value <= 0xff) this.#head1(0xcc, value)
    else if (value <= 0xffff) this.#head2(0xcd, value)
    else if (value <= 0xffff_ffff) this.#head4(0xce, value)
    else this.#head8(0xcf, BigInt(value))
  }

  /** A field that is signed in Go, within the safe integers. */
  int(value: number): void {
    if (value >= 0 && (value < 0x80 || !this.#dialect.signedInts)) this.uint(value)
    else if (value >= -0x20 && value < 0) this.byte(value & 0xff)
    else if (value >= -0x80 && value < 0) this.#head1(0xd0, value & 0xff)
    else if (value >= -0x8000 && value < 0x8000) this.#head2(0xd1, value & 0xffff)
    else if (value >= -0x8000_0000 && value < 0x8000_0000) this.#head4(0xd2, value)
    else this.#head8(0xd3, BigInt(value))
  }

  uint64(value: bigint): void {
    if (value <= Number.MAX_SAFE_INTEGER) this.uint(Number(value))
    else this.#head8(0xcf, value)
  }

  int64(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) this.int(Number(value))
    else this.#head8(value < 0n || this.#dialect.signedInts ? 0xd3 : 0xcf, value)
  }

  text(value: string): void {
    const length = textLength(value)
    this.#stringHead(length)
    this.#room(length)
    writeText(value, this.#bytes, this.#end)
    this.#end += length
  }

  bytes(value: Uint8Array): void {
    const length = value.length
    if (!this.#dialect.newSpec) this.#stringHead(length)
    else if (length <= 0xff) this.#head1(0xc4, length)
    else if (length <= 0xffff) this.#head2(0xc5, length)
    else this.#head4(0xc6, length)
    this.raw(value)
  }

  arrayHead(size: number): void {
    if (size < 16) this.byte(0x90 | size)
    else if (size <= 0xffff) this.#head2(0xdc, size)
    else this.#head4(0xdd, size)
  }

  mapHead(size: number): void {
    if (size < 16) this.byte(0x80 | size)
    else if (size <= 0xffff) this.#head2(0xde, size)
    else this.#head4(0xdf, size)
  }

  #stringHead(length: number): void {
    if (length < 32) this.byte(0xa0 | length)
    else if (length <= 0xff && this.#dialect.newSpec) this.#head1(0xd9, length)
    else if (length <= 0xffff) this.#head2(0xda, length)
    else this.#head4(0xdb, length)
  }

  #head1(tag: number, value: number): void {
    this.#room(2)
    this.#bytes[this.#end] = tag
    this.#bytes[this.#end + 1] = value
    this.#end += 2
  }

  #head2(tag: number, value: number): void {
    this.#room(3)
    this.#bytes[this.#end] = tag
    this.#view.setUint16(this.#end + 1, value)
    this.#end += 3
  }

  #head4(tag: number, value: number): void {
    this.#room(5)
    this.#bytes[this.#end] = tag
    this.#view.setUint32(this.#end + 1, value)
    this.#end += 5
  }

  #head8(tag: number, value: bigint): void {
    this.#room(9)
    this.#bytes[this.#end] = tag
    this.#view.setBigUint64(this.#end + 1, BigInt.asUintN(64, value))
    this.#end += 9
  }

  #room(count: number): void {
    const needed = this.#end + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
