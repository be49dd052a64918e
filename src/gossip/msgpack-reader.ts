/**
 * Reads MessagePack that came from outside, as liberally as the Go members do: any width of integer, str or bin for
 * text and for bytes, arrays of small integers for bytes, nil for anything.
 *
 * It never throws. The first problem sticks; from then on every read gives the zero value, so callers look at `problem`
 * once, at the end. It never allocates for a length that the remaining bytes cannot fill.
 */

import { MsgpackScanner } from './msgpack-scanner.ts'
import { textFromBytes } from './text.ts'

/** More entries than any honest map or array holds: memberlist's own limit for the nodes of a push/pull. */
export const maxEntries = 1_048_576

const noBytes = new Uint8Array(0)

export class MsgpackReader {
  readonly input: Uint8Array
  at: number
  readonly end: number
  /** The first problem met. */
  problem: string | undefined
  /** Where the string found by `raw` lies. */
  rawFrom = 0
  rawTo = 0

  constructor(input: Uint8Array, from = 0, end = input.length) {
    this.input = input
    this.at = from
    this.end = end
  }

  fail(problem: string): void {
    this.problem ??= problem
    this.at = this.end
  }

  /** Passes over a nil if there is one. */
  nil(): boolean {
    if (this.input[this.at] !== 0xc0 || this.at >= this.end) return false
    this.at += 1
    return true
  }

  bool(): boolean {
    const head = this.#byte()
    if (head === 0xc3 || head === 0x01) return true
    if (head !== 0xc2 && head !== 0x00 && head !== 0xc0) this.#unexpected('a boolean', head)
    return false
  }

  float(): number {
    const head = this.input[this.at]
    if (head !== 0xca && head !== 0xcb) return this.#integer()
    const from = this.#take(head === 0xca ? 5 : 9)
    if (from < 0) return 0
    const view = new DataView(this.input.buffer, this.input.byteOffset + from + 1)
    return head === 0xca ? view.getFloat32(0) : view.getFloat64(0)
  }

  /** An integer of `min` to `max`, both safe integers. */
  int(min: number, max: number): number {
    const value = this.#integer()
    if (value >= min && value <= max) return value
    this.fail(`${value} is out of range`)
    return 0
  }

  /** An integer of `min` to `max`, within 64 bits. */
  int64(min: bigint, max: bigint): bigint {
    const head = this.input[this.at]
    if (head !== 0xcf && head !== 0xd3) return BigInt(this.int(Number(min), Number(max)))
    const from = this.#take(9)
    if (from < 0) return 0n
    const bits = (BigInt(this.#uint32At(from + 1)) << 32n) | BigInt(this.#uint32At(from + 5))
    const value = head === 0xcf ? bits : BigInt.asIntN(64, bits)
    if (value >= min && value <= max) return value
    this.fail(`${value} is out of range`)
    return 0n
  }

  text(): string {
    return this.raw() ? textFromBytes(this.input, this.rawFrom, this.rawTo) : ''
  }

  /** A copy; null for nil. */
  bytes(): Uint8Array | null {
    if (this.nil()) return null
    if (this.nextIsArray()) return this.#smallInts()
    return this.raw() ? copyOf(this.input, this.rawFrom, this.rawTo) : noBytes
  }

  /** Finds the bytes of a str or bin and leaves them in `rawFrom`, `rawTo`; false for nil and after a problem. */
  raw(): boolean {
    const head = this.#byte()
    let length: number
    if (head >= 0xa0 && head <= 0xbf) length = head & 0x1f
    else if (head === 0xd9 || head === 0xc4) length = this.#uint(1)
    else if (head === 0xda || head === 0xc5) length = this.#uint(2)
    else if (head === 0xdb || head === 0xc6) length = this.#uint(4)
    else {
      if (head !== 0xc0) this.#unexpected('a string', head)
      this.rawFrom = this.rawTo = this.at
      return false
    }
    const from = this.#take(length)
    this.rawFrom = Math.max(from, 0)
    this.rawTo = this.rawFrom + (from < 0 ? 0 : length)
    return from >= 0
  }

  nextIsArray(): boolean {
    const head = this.at < this.end ? this.input[this.at]! : 0xc0
    return (head >= 0x90 && head <= 0x9f) || head === 0xdc || head === 0xdd
  }

  /** The number of elements that follow; 0 for nil. */
  arraySize(): number {
    const head = this.#byte()
    if (head >= 0x90 && head <= 0x9f) return this.#fits(head & 0x0f, 1)
    if (head === 0xdc) return this.#fits(this.#uint(2), 1)
    if (head === 0xdd) return this.#fits(this.#uint(4), 1)
    if (head !== 0xc0) this.#unexpected('an array', head)
    return 0
  }

  /** The number of pairs that follow; 0 for nil. */
  mapSize(): number {
    const head = this.#byte()
    if (head >= 0x80 && head <= 0x8f) return this.#fits(head & 0x0f, 2)
    if (head === 0xde) return this.#fits(this.#uint(2), 2)
    if (head === 0xdf) return this.#fits(this.#uint(4), 2)
    if (head !== 0xc0) this.#unexpected('a map', head)
    return 0
  }

  /** Passes over one value of any type and depth. */
  skip(): void {
    const scanner = new MsgpackScanner(this.at)
    const found = scanner.advance(this.input, this.end)
    if (found === 'complete') this.at = scanner.at
    else this.fail(found === 'invalid' ? 'not MessagePack' : 'truncated')
  }

  #smallInts(): Uint8Array {
    const bytes = new Uint8Array(this.arraySize())
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = this.int(0, 0xff)
    return bytes
  }

  /** An integer of any width; above 2^53 only near enough to be refused by a range. */
  #integer(): number {
    const head = this.#byte()
    if (head < 0x80) return head
    if (head >= 0xe0) return head - 0x100
    switch (head) {
      case 0xcc:
        return this.#uint(1)
      case 0xcd:
        return this.#uint(2)
      case 0xce:
        return this.#uint(4)
      case 0xcf:
        return this.#uint(4) * 0x1_0000_0000 + this.#uint(4)
      case 0xd0:
        return (this.#uint(1) << 24) >> 24
      case 0xd1:
        return (this.#uint(2) << 16) >> 16
      case 0xd2:
        return this.#uint(4) | 0
      case 0xd3:
        return (this.#uint(4) | 0) * 0x1_0000_0000 + this.#uint(4)
      case 0xc0:
        return 0
      default:
        this.#unexpected('an integer', head)
        return 0
    }
  }

  /** The next byte; nil where the input has ended, so that every caller goes on with its zero value. */
  #byte(): number {
    if (this.at < this.end) return this.input[this.at++]!
    this.fail('truncated')
    return 0xc0
  }

  #uint(width: 1 | 2 | 4): number {
    const from = this.#take(width)
    if (from < 0) return 0
    if (width === 1) return this.input[from]!
    if (width === 2) return (this.input[from]! << 8) | this.input[from + 1]!
    return this.#uint32At(from)
  }

  #uint32At(at: number): number {
    const input = this.input
    return ((input[at]! << 24) | (input[at + 1]! << 16) | (input[at + 2]! << 8) | input[at + 3]!) >>> 0
  }

  /** Passes over `count` bytes and says where they begin; -1 where they are not there. */
  #take(count: number): number {
    const from = this.at
    if (count > this.end - from) {
      this.fail('truncated')
      return -1
    }
    this.at = from + count
    return from
  }

  #fits(size: number, bytesEach: number): number {
    if (size <= maxEntries && size * bytesEach <= this.end - this.at) return size
    this.fail(size > maxEntries ? `${size} entries` : 'truncated')
    return 0
  }

  #unexpected(expected: string, head: number): void {
    this.fail(`expected ${expected}, found 0x${head.toString(16).padStart(2, '0')}`)
  }
}

/** Always a copy, which `slice` of a Node Buffer is not; short ones without a view in between, which costs as much. */
function copyOf(input: Uint8Array, from: number, to: number): Uint8Array {
  if (to - from > 64) return new Uint8Array(input.subarray(from, to))
  const copy = new Uint8Array(to - from)
  for (let i = 0; i < copy.length; i += 1) copy[i] = input[from + i]!
  return copy
}
