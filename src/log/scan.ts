/**
 * Reads frames from their first byte to the first that is not what it should be. This is the whole truth about a
 * segment: recovery, offline checks and the arrival of frames from a peer all judge by it.
 */

import {
  chainAfter,
  envelopeBytes,
  type FrameHeader,
  frameBodyMaxBytes,
  frameHeaderBytes,
  frameMagic,
  readEnvelope,
  readHeader,
  storedChain,
  verifies,
} from './frame.ts'

/** Bytes in memory or in a file. */
export interface ByteSource {
  readonly size: number
  /** Exactly these bytes, which must exist; they hold until the next call. */
  view(position: number, length: number): Uint8Array
}

/** Where in a log some frames begin: `chain` undefined: what was before is gone (trimmed), any is taken. */
export interface Place {
  readonly offset: number
  readonly chain: bigint | undefined
}

export interface ScannedFrame extends FrameHeader {
  readonly position: number
  readonly chain: bigint
  /** The frame; holds until the next one is asked for. */
  readonly frame: Uint8Array
}

/**
 * `cutShort`: fewer bytes than a frame; `zeros`: nothing else up to the end, as a file has them that was growing when its
 * node died; `offset`, `chain`: a whole frame, but not the one that belongs here; `newer`: a whole frame of a version
 * that is not known here.
 */
export type FrameFault = 'cutShort' | 'zeros' | 'header' | 'checksum' | 'offset' | 'chain' | 'newer'

export interface ScanEnd {
  /** Behind the last good frame. */
  readonly position: number
  readonly offset: number
  readonly chain: bigint | undefined
  /** What is wrong with the bytes at `position`; undefined: there are none. */
  readonly fault: FrameFault | undefined
}

/** From `position` on, which is where `from` lies in the source. */
export function* scanFrames(source: ByteSource, from: Place, position = 0): Generator<ScannedFrame, ScanEnd, void> {
  let at = position
  let { offset, chain } = from
  const end = (fault?: FrameFault): ScanEnd => ({ position: at, offset, chain, fault })
  while (at < source.size) {
    const short = source.size - at < frameHeaderBytes
    const header = short ? undefined : readHeader(source.view(at, frameHeaderBytes), 0)
    if (!header && newerAt(source, at) !== undefined) return end('newer')
    if (!header && zerosFrom(source, at)) return end('zeros')
    if (!header) return end(short ? 'cutShort' : 'header')
    if (header.bytes > source.size - at) return end('cutShort')
    const frame = source.view(at, header.bytes)
    if (!verifies(frame)) return end('checksum')
    if (header.baseOffset !== offset) return end('offset')
    const stored = storedChain(frame)
    if (chain !== undefined && chainAfter(chain, frame) !== stored) return end('chain')
    const { bytes, baseOffset, recordCount, endOffset } = header
    yield { bytes, baseOffset, recordCount, endOffset, position: at, chain: stored, frame }
    at += header.bytes
    offset = header.endOffset
    chain = stored
  }
  return end()
}

function zerosFrom(source: ByteSource, position: number): boolean {
  for (let at = position; at < source.size; at += searchBytes) {
    if (source.view(at, Math.min(searchBytes, source.size - at)).some((byte) => byte !== 0)) return false
  }
  return true
}

/** The version of a whole frame at `position` that is not known here; undefined where there is none. */
export function newerAt(source: ByteSource, position: number): number | undefined {
  if (source.size - position < envelopeBytes) return undefined
  const envelope = readEnvelope(source.view(position, envelopeBytes), 0)
  if (!envelope || envelope.bytes > source.size - position) return undefined
  return verifies(source.view(position, envelope.bytes)) ? envelope.version : undefined
}

/**
 * Whether any whole frame lies at or behind `from`: then what precedes it is damage, not the torn end of the last
 * write. Where bytes imitate headers so that this cannot be settled, the answer is yes, the one that throws nothing away.
 */
export function frameBehind(source: ByteSource, from: number): boolean {
  const search = new FrameSearch(source, from)
  return search.next() !== undefined || search.isExhausted
}

/**
 * Looks for whole frames byte by byte. Verifies no more than a few times the source: bytes that imitate headers end the
 * search.
 */
export class FrameSearch {
  readonly #source: ByteSource
  #budget: number
  /** Where it goes on; may be set. */
  position: number
  /** Of the frame that was found last; undefined: it is of a version that is not known here. */
  header: FrameHeader | undefined

  constructor(source: ByteSource, from = 0) {
    this.#source = source
    this.position = from
    this.#budget = 4 * source.size + frameBodyMaxBytes
  }

  get isExhausted(): boolean {
    return this.#budget < 0
  }

  /** There is nothing more to be found. */
  get isOver(): boolean {
    return this.isExhausted || this.position > this.#source.size - envelopeBytes
  }

  /**
   * Where the next whole frame begins, which is where the search stands then; undefined: there is none in about so many
   * bytes.
   */
  next(maxBytes = Number.POSITIVE_INFINITY): number | undefined {
    const source = this.#source
    const until = this.position + maxBytes
    while (!this.isOver && this.position < until) {
      const window = source.view(this.position, Math.min(searchBytes, source.size - this.position))
      const found = indexOfMagic(window)
      if (found === -1) {
        this.position += window.length - 3
        continue
      }
      this.position += found
      if (source.size - this.position < envelopeBytes) return undefined
      const head = source.view(this.position, Math.min(frameHeaderBytes, source.size - this.position))
      this.header = readHeader(head, 0)
      const bytes = (this.header ?? readEnvelope(head, 0))?.bytes
      if (bytes !== undefined && bytes <= source.size - this.position) {
        if (verifies(source.view(this.position, bytes))) return this.position
        this.#budget -= bytes
      }
      this.position++
    }
    return undefined
  }
}

const searchBytes = 64 * 1024

function indexOfMagic(bytes: Uint8Array): number {
  const first = frameMagic >>> 24
  for (let at = bytes.indexOf(first); at !== -1 && at + 4 <= bytes.length; at = bytes.indexOf(first, at + 1)) {
    const rest = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
    if (rest === (frameMagic & 0xffffff)) return at
  }
  return -1
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, view: (position, length) => bytes.subarray(position, position + length) }
}

/** A file through a window that grows to the largest frame met. `size` may stop short of the file's end. */
export function sourceOfFile(
  file: { read(target: Uint8Array, position: number): number },
  size: number,
  windowBytes = 1024 * 1024,
): ByteSource {
  let window = new Uint8Array(Math.min(size, windowBytes))
  let start = 0
  let filled = 0
  return {
    size,
    view(position, length) {
      if (position < start || position + length > start + filled) {
        if (length > window.length) window = new Uint8Array(length)
        const wanted = Math.min(window.length, size - position)
        start = position
        // A file that is shorter than it was said to be reads as zeros, which no frame is.
        filled = wanted
        const count = file.read(window.subarray(0, wanted), position)
        if (count < wanted) window.fill(0, count, wanted)
      }
      return window.subarray(position - start, position - start + length)
    },
  }
}
