/**
 * Where in a segment to begin looking for an offset: one entry about every `intervalBytes`. Derived from the segment
 * and from nothing else, so every copy of a log has the same; losing or spoiling an index file costs a scan.
 *
 * File, big-endian: "RIDX", version u32, segment's base offset, end offset and bytes (u64 each), chain u64 and timestamp
 * u64 of its last frame, entry count u32, entries (offset u64, position u64), from version 2 on the segment's
 * `MarkedBatches`, CRC-32 of all before; from version 3 on it begins with the low half of the chain before the log's first
 * frame, so that an index fits one log only.
 */

import { crc32 } from '@node-rs/crc32'
import { MarkedBatches } from './marked-batches.ts'

/** What is known of a whole segment. */
export interface SegmentSummary {
  readonly base: number
  readonly end: number
  readonly bytes: number
  readonly chain: bigint
  readonly timestamp: bigint
}

export interface StoredIndex {
  readonly index: SparseIndex
  readonly summary: SegmentSummary
  readonly marked: MarkedBatches | undefined
  readonly version: number
}

const magic = 0x52494458
const version = 3
const headBytes = 52
const entryBytes = 16

export class SparseIndex {
  readonly #intervalBytes: number
  /** An offset and its position, and so on: most logs are small, and two lists of one take twice the memory. */
  #entries: number[] = []

  constructor(intervalBytes: number) {
    this.#intervalBytes = intervalBytes
  }

  get length(): number {
    return this.#entries.length / 2
  }

  /** Called for every frame of the segment in order; keeps those that are due. */
  add(offset: number, position: number): void {
    const last = this.#entries.at(-1)
    if (last !== undefined && position - last < this.#intervalBytes) return
    this.#entries.push(offset, position)
  }

  /** Gives back the memory that was set aside for growing. */
  compact(): void {
    this.#entries = this.#entries.slice()
  }

  /** The nth entry, from 0. */
  entry(n: number): { offset: number; position: number } {
    return { offset: this.#entries[2 * n] as number, position: this.#entries[2 * n + 1] as number }
  }

  /** The last entry at or before `offset`; undefined where the index is empty or begins later. */
  floor(offset: number): { offset: number; position: number } | undefined {
    const behind = this.#countTo(offset)
    return behind === 0 ? undefined : this.entry(behind - 1)
  }

  /** The first entry behind `offset`; undefined where there is none. */
  after(offset: number): { offset: number; position: number } | undefined {
    const behind = this.#countTo(offset)
    return behind === this.length ? undefined : this.entry(behind)
  }

  /** How many entries lie at or before `offset`. */
  #countTo(offset: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[2 * middle] as number) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** `seed`: the chain before the log's first frame. */
  encode(summary: SegmentSummary, seed: bigint, marked = new MarkedBatches()): Uint8Array {
    const tail = marked.encode()
    const tailAt = headBytes + entryBytes * this.length
    const bytes = new Uint8Array(tailAt + tail.length + 4)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, magic)
    view.setUint32(4, version)
    view.setBigUint64(8, BigInt(summary.base))
    view.setBigUint64(16, BigInt(summary.end))
    view.setBigUint64(24, BigInt(summary.bytes))
    view.setBigUint64(32, summary.chain)
    view.setBigUint64(40, summary.timestamp)
    view.setUint32(48, this.length)
    for (const [n, number] of this.#entries.entries()) view.setBigUint64(headBytes + 8 * n, BigInt(number))
    bytes.set(tail, tailAt)
    view.setUint32(bytes.length - 4, checksum(bytes, seed))
    return bytes
  }

  /** Undefined where the bytes are not an index as `encode` makes it. */
  static decode(bytes: Uint8Array, seed: bigint, intervalBytes: number): StoredIndex | undefined {
    if (bytes.length < headBytes + 4) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const count = view.getUint32(48)
    const written = view.getUint32(4)
    if (view.getUint32(0) !== magic || written < 1 || written > version) return undefined
    const tailAt = headBytes + entryBytes * count
    if (bytes.length < tailAt + 4) return undefined
    if (view.getUint32(bytes.length - 4) !== checksum(bytes, written >= 3 ? seed : 0n)) return undefined
    const tail = bytes.subarray(tailAt, -4)
    const marked = written >= 2 ? MarkedBatches.decode(tail) : undefined
    if (written >= 2 ? !marked : tail.length > 0) return undefined
    const number = (at: number) => Number(view.getBigUint64(at))
    const index = new SparseIndex(intervalBytes)
    for (let at = headBytes; at < tailAt; at += 8) index.#entries.push(number(at))
    const summary = {
      base: number(8),
      end: number(16),
      bytes: number(24),
      chain: view.getBigUint64(32),
      timestamp: view.getBigUint64(40),
    }
    // Most segments have none, and the empty one would keep the memory of the whole file.
    return { index, summary, marked: marked?.size ? marked : undefined, version: written }
  }
}

function checksum(bytes: Uint8Array, seed: bigint): number {
  return crc32(bytes.subarray(0, -4), Number(seed & 0xffff_ffffn))
}
