/**
 * Reads segment files from their bytes alone, after the page on the format in `src/log/README.md` and nothing of `src/log`:
 * what the code under test wrote is judged by eyes that do not share its mistakes.
 */

import { crc32 } from '@node-rs/crc32'
import { xxh64 } from '@node-rs/xxhash'
import { recordSums } from './record-sums.ts'

/** A whole frame whose checksum holds. */
export interface StoredFrame {
  /** First byte in its file, and how many. */
  readonly at: number
  readonly bytes: number
  /** Offsets of the first record and of the one behind the last. */
  readonly base: number
  readonly end: number
  readonly timestamp: bigint
  /** `PRODUCER/SEQUENCE` of the first record; undefined: nobody in particular. */
  readonly place: { readonly producer: string; readonly sequence: number } | undefined
  readonly chain: bigint
  /** Over all bytes of the frame. */
  readonly sum: bigint
  /** Of each record; undefined where the body is no batch of so many records. */
  readonly records: readonly number[] | undefined
}

const magic = Buffer.from('REEV', 'latin1')
const headerBytes = 72
const version = 1

/** All sound frames of a file from `from` on, in order; what lies between them is skipped. `bytes`: the file behind `from`. */
export function storedFrames(bytes: Uint8Array, from: number): StoredFrame[] {
  const frames: StoredFrame[] = []
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + headerBytes <= buffer.length; ) {
    const frame = frameAt(buffer, at, from)
    if (frame !== undefined) {
      frames.push(frame)
      at += frame.bytes
      continue
    }
    const next = buffer.indexOf(magic, at + 1)
    if (next === -1) break
    at = next
  }
  return frames
}

/** The chain that a frame must carry: over the frame before it in its log, or over the log's name where it is the first. */
export function chainOf(frame: Uint8Array, log: string, before: bigint | undefined): bigint {
  return xxh64(frame.subarray(16), before ?? xxh64(log))
}

function frameAt(buffer: Buffer, at: number, from: number): StoredFrame | undefined {
  if (!buffer.subarray(at, at + 4).equals(magic) || buffer[at + 16] !== version) return undefined
  const bytes = buffer.readUInt16BE(at + 18) + buffer.readUInt32BE(at + 20)
  if (buffer.readUInt16BE(at + 18) !== headerBytes || bytes > buffer.length - at) return undefined
  const frame = buffer.subarray(at, at + bytes)
  if (crc32(frame.subarray(8)) !== frame.readUInt32BE(4)) return undefined
  const base = Number(frame.readBigUInt64BE(32))
  const count = frame.readUInt32BE(24)
  const producer = frame.toString('hex', 48, 64)
  const place = /[1-9a-f]/.test(producer) ? { producer, sequence: Number(frame.readBigUInt64BE(64)) } : undefined
  const records = recordSums(frame, headerBytes)
  return {
    at: from + at,
    bytes,
    base,
    end: base + count,
    timestamp: frame.readBigUInt64BE(40),
    place,
    chain: frame.readBigUInt64BE(8),
    sum: xxh64(frame),
    records: records?.length === count ? records : undefined,
  }
}
