/**
 * Frames: how a batch lies on disk and travels between nodes. A frame is written once, by the origin of its log, and
 * copied byte for byte ever after.
 *
 *     at  bytes
 *      0  4   magic "REEV"
 *      4  4   crc: CRC-32 (IEEE) over everything from byte 8 to the frame's end
 *      8  8   chain: XXH64 over everything from byte 16 to the frame's end, seeded with the chain of the frame before
 *     16  1   version, 1
 *     17  1   zero
 *     18  2   header length, 72
 *     20  4   body length
 *     24  4   record count
 *     28  4   zero
 *     32  8   base offset: the offset of the first record
 *     40  8   timestamp: hybrid logical clock, ms since 1970 << 16 | counter
 *     48  16  producer id; zero: nobody in particular
 *     64  8   producer sequence: of the first record, the others follow one by one; zero without an id
 *     72  …   body: a `reeve.v1.RecordBatch` as received
 *
 * A later version keeps magic, crc, version, header length and body length where they are, so that this one can tell a
 * whole frame that it does not know from a damaged one, and refuses it in place of cutting it off.
 *
 * All numbers are big-endian. The chain before a log's first frame is XXH64 over the log's key, so a frame fits one
 * place of one log only.
 */

import { crc32 } from '@node-rs/crc32'
import { xxh64 } from '@node-rs/xxhash'
import { type LogId, logKey } from './log-id.ts'

export const frameHeaderBytes = 72
export const envelopeBytes = 24

/** Of the format, whatever the settings: bounds the memory that reading any frame can cost. */
export const frameBodyMaxBytes = 16 * 1024 * 1024

export const frameMagic = 0x52454556
export const frameVersion = 1
const chainedFrom = 16

export const producerIdBytes = 16
const producerAt = 48

/** Who wrote a batch, so that it is known when it comes again. */
export interface ProducerMark {
  /** 16 bytes, not all of them zero. */
  readonly id: Uint8Array
  /** Of the batch's first record, among all of this producer in this topic. */
  readonly sequence: number
}

export interface Frame {
  readonly baseOffset: number
  readonly recordCount: number
  readonly timestamp: bigint
  readonly producer: ProducerMark | undefined
  readonly chain: bigint
  readonly body: Uint8Array
  /** The whole frame, header included; shares the memory it was found in. */
  readonly bytes: Uint8Array
}

/** Numbers of a header that is plausible; only `verifies` says that the frame is whole and true. */
export interface FrameHeader {
  readonly bytes: number
  readonly baseOffset: number
  readonly recordCount: number
  readonly endOffset: number
}

/** What is to be known of a frame that has become a part of its log. */
export interface FrameMark extends FrameHeader {
  readonly chain: bigint
  readonly timestamp: bigint
  readonly producer: ProducerMark | undefined
}

/** What stands in the place of the chain before a log's first frame. */
export function chainSeed(id: LogId): bigint {
  return xxh64(logKey(id))
}

/** What a header says beside the size of the body, and the chain that it continues. */
export interface FrameFacts {
  readonly baseOffset: number
  readonly recordCount: number
  readonly timestamp: bigint
  readonly previousChain: bigint
  readonly producer?: ProducerMark | undefined
}

export function encodeFrame(facts: FrameFacts & { readonly body: Uint8Array }): { bytes: Uint8Array; chain: bigint } {
  const bytes = new Uint8Array(frameHeaderBytes + facts.body.length)
  bytes.set(facts.body, frameHeaderBytes)
  return { bytes, chain: sealFrame(bytes, facts) }
}

/** Writes the header of a frame whose body stands behind it already; whatever stood in its place is gone. Returns the chain. */
export function sealFrame(frame: Uint8Array, facts: FrameFacts): bigint {
  const { baseOffset, producer } = facts
  const view = new DataView(frame.buffer, frame.byteOffset, frameHeaderBytes)
  view.setUint32(0, frameMagic)
  view.setUint32(16, (frameVersion << 24) | frameHeaderBytes)
  view.setUint32(20, frame.length - frameHeaderBytes)
  view.setUint32(24, facts.recordCount)
  view.setUint32(28, 0)
  view.setUint32(32, Math.floor(baseOffset / 0x1_0000_0000))
  view.setUint32(36, baseOffset % 0x1_0000_0000)
  view.setBigUint64(40, facts.timestamp)
  if (producer) {
    frame.set(producer.id, producerAt)
    view.setBigUint64(producerAt + producerIdBytes, BigInt(producer.sequence))
  } else frame.fill(0, producerAt, frameHeaderBytes)
  const chain = chainAfter(facts.previousChain, frame)
  view.setBigUint64(8, chain)
  view.setUint32(4, crcOf(frame))
  return chain
}

/** The header at `at`, or undefined where there are too few bytes or no header can be. Reads `frameHeaderBytes`. */
export function readHeader(bytes: Uint8Array, at: number): FrameHeader | undefined {
  if (bytes.length - at < frameHeaderBytes) return undefined
  if (uint32(bytes, at) !== frameMagic) return undefined
  // Version, zero and header length in one go; the zero at 28 too, so that whoever gives it a meaning must raise the version.
  if (uint32(bytes, at + 16) !== ((frameVersion << 24) | frameHeaderBytes)) return undefined
  if (uint32(bytes, at + 28) !== 0) return undefined
  const bodyLength = uint32(bytes, at + 20)
  const recordCount = uint32(bytes, at + 24)
  const baseOffset = uint64(bytes, at + 32)
  const sequence = uint64(bytes, at + 64)
  const endOffset = baseOffset + recordCount
  if (bodyLength > frameBodyMaxBytes || recordCount === 0) return undefined
  if (!Number.isSafeInteger(endOffset) || !Number.isSafeInteger(sequence + recordCount)) return undefined
  return { bytes: frameHeaderBytes + bodyLength, baseOffset, recordCount, endOffset }
}

/** What every version says in the same place. */
export interface Envelope {
  readonly version: number
  /** Of the whole frame. */
  readonly bytes: number
}

/** For where `readHeader` knows no header: what may be a frame of a later version, if it verifies. */
export function readEnvelope(bytes: Uint8Array, at: number): Envelope | undefined {
  if (bytes.length - at < envelopeBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, envelopeBytes)
  const [version, headerBytes, bodyBytes] = [view.getUint8(16), view.getUint16(18), view.getUint32(20)]
  if (view.getUint32(0) !== frameMagic || version <= frameVersion || headerBytes < envelopeBytes) return undefined
  return bodyBytes > frameBodyMaxBytes ? undefined : { version, bytes: headerBytes + bodyBytes }
}

/** Whether these bytes, one whole frame by its header, are what was written. */
export function verifies(frame: Uint8Array): boolean {
  return crcOf(frame) === uint32(frame, 4)
}

export function storedChain(frame: Uint8Array): bigint {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getBigUint64(8)
}

/** The chain this frame must carry when `previous` is the chain before it. */
export function chainAfter(previous: bigint, frame: Uint8Array): bigint {
  return xxh64(frame.subarray(chainedFrom), previous)
}

export function storedTimestamp(frame: Uint8Array): bigint {
  return new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getBigUint64(40)
}

/** Undefined: nobody in particular wrote it. The id shares the frame's memory. */
export function storedProducer(frame: Uint8Array): ProducerMark | undefined {
  const sequenceAt = producerAt + producerIdBytes
  if (uint64(frame, producerAt) === 0 && uint64(frame, producerAt + 8) === 0) return undefined
  return { id: frame.subarray(producerAt, sequenceAt), sequence: uint64(frame, sequenceAt) }
}

export function markOf(header: FrameHeader, frame: Uint8Array): FrameMark {
  const { bytes, baseOffset, recordCount, endOffset } = header
  const [chain, timestamp, producer] = [storedChain(frame), storedTimestamp(frame), storedProducer(frame)]
  return { bytes, baseOffset, recordCount, endOffset, chain, timestamp, producer }
}

/** The frames that lie back to back in `bytes`, which must be verified whole frames (as `LogView.read` gives them). */
export function* framesIn(bytes: Uint8Array): Generator<Frame> {
  for (let at = 0; at < bytes.length; ) {
    const frame = frameAt(bytes, at)
    yield frame
    at += frame.bytes.length
  }
}

/** The one of them that begins at `at`. */
export function frameAt(bytes: Uint8Array, at: number): Frame {
  const header = readHeader(bytes, at)
  if (!header || header.bytes > bytes.length - at) throw new Error(`no whole frame at byte ${at}`)
  return new StoredFrame(header, bytes.subarray(at, at + header.bytes))
}

/** Works out what is asked for, when it is. */
class StoredFrame implements Frame {
  readonly baseOffset: number
  readonly recordCount: number
  readonly bytes: Uint8Array

  constructor({ baseOffset, recordCount }: FrameHeader, bytes: Uint8Array) {
    this.baseOffset = baseOffset
    this.recordCount = recordCount
    this.bytes = bytes
  }

  get timestamp(): bigint {
    return storedTimestamp(this.bytes)
  }

  get producer(): ProducerMark | undefined {
    return storedProducer(this.bytes)
  }

  get chain(): bigint {
    return storedChain(this.bytes)
  }

  get body(): Uint8Array {
    return this.bytes.subarray(frameHeaderBytes)
  }
}

function crcOf(frame: Uint8Array): number {
  return crc32(frame.subarray(8))
}

/** Big-endian. By hand: headers are looked at one by one, and an object for each look costs more than the look. */
function uint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  return high * 0x1_0000 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
}

/** Only nearly, where it is beyond what is safe. */
function uint64(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) * 0x1_0000_0000 + uint32(bytes, at + 4)
}
