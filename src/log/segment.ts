/**
 * One file of a log: frames back to back. Owns what is known of the visible part (bounds and index) and reads from it;
 * bytes behind `bytes` may exist while they are being written, and are never looked at. Never writes frames.
 */

import type { DiskFile } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { type FramePlace, goodAgain } from './behind-damage.ts'
import {
  type FrameHeader,
  type FrameMark,
  frameBodyMaxBytes,
  frameHeaderBytes,
  readHeader,
  storedChain,
  storedTimestamp,
  verifies,
} from './frame.ts'
import { timestampMs } from './hlc.ts'
import { MarkedBatches, markedFrame } from './marked-batches.ts'
import { fresh, type Memory } from './memory.ts'
import type { OpenFiles } from './open-files.ts'
import { sourceOfFile } from './scan.ts'
import { type SegmentSummary, SparseIndex } from './sparse-index.ts'

type Verified = FrameHeader & { readonly frame: Uint8Array; readonly timeMs: number }

/** Reused by every walk along headers: reads are synchronous and keep nothing of it. */
const scratch = new Uint8Array(64 * 1024)

/** How many readers of one segment find their next frame without asking the index. */
const nextPositionsMax = 64

/** Of a file on a slow device, at once. */
export const fetchBytes = 1024 * 1024

export class Segment {
  readonly folder: string
  /** Offset of the first record, and the file's name. */
  readonly base: number
  index: SparseIndex
  end: number
  bytes = 0
  /** Of the last frame, or 0n. */
  chain = 0n
  timestamp = 0n
  /** For the index; undefined: there are none, or it is written. */
  marked: MarkedBatches | undefined
  /** A frame was found unreadable; reported once, until it is mended. */
  corrupt = false
  /** The file as it was found damaged lies in a folder of its own. */
  keptCopy = false
  /** What the index file speaks of. */
  indexedBytes = 0
  /** Offset behind a frame that was read → its position: where that reader will go on. */
  #nextPositions: Map<number, number> | undefined

  constructor(folder: string, base: number, indexIntervalBytes: number) {
    this.folder = folder
    this.base = base
    this.end = base
    this.index = new SparseIndex(indexIntervalBytes)
  }

  /** An empty one, which stands for all that was before it: its name is where the log goes on. */
  static bound(folder: string, at: number, indexIntervalBytes: number, last?: Segment): Segment {
    const bound = new Segment(folder, at, indexIntervalBytes)
    if (last) {
      bound.chain = last.chain
      bound.timestamp = last.timestamp
    }
    return bound
  }

  /** False for a bound whose log was trimmed before this run: what the next frame follows is not known. */
  get chainKnown(): boolean {
    return this.bytes > 0 || this.chain !== 0n
  }

  get path(): string {
    return `${this.folder}/${segmentName(this.base)}`
  }

  get summary(): SegmentSummary {
    const { base, end, bytes, chain, timestamp } = this
    return { base, end, bytes, chain, timestamp }
  }

  /** The next frame became visible. */
  extend(frame: FrameMark): void {
    if (frame.producer) {
      this.marked ??= new MarkedBatches()
      this.marked.add(markedFrame(frame.producer, frame))
    }
    this.index.add(frame.baseOffset, this.bytes)
    this.end = frame.endOffset
    this.bytes += frame.bytes
    this.chain = frame.chain
    this.timestamp = frame.timestamp
  }

  /**
   * Whole verified frames from the one with `from` on, which must be within this segment; see `LogView.read`. Damage before
   * it does not hide it.
   */
  read(files: OpenFiles, from: number, maxBytes: number, memory: Memory = fresh): Uint8Array {
    const file = files.reading(this.path)
    try {
      return this.#readAt(file, this.#positionOf(file, from), from, maxBytes, memory)
    } catch (error) {
      const again = isDamage(error) ? this.#goodBehind(file, from) : undefined
      if (!again || again.offset > from) throw error
      return this.#readAt(file, this.#walk(file, again, from), from, maxBytes, memory)
    }
  }

  #readAt(file: DiskFile, position: number, from: number, maxBytes: number, memory: Memory): Uint8Array {
    const wanted = Math.min(Math.max(maxBytes, frameHeaderBytes), frameHeaderBytes + frameBodyMaxBytes)
    let buffer = this.#bytesAt(file, position, Math.min(wanted, this.bytes - position), memory)
    const first = this.#header(buffer, 0, position)
    if (from < first.baseOffset || from >= first.endOffset) throw this.#damaged(position)
    if (first.bytes > buffer.length) buffer = this.#bytesAt(file, position, first.bytes, memory)
    if (!verifies(buffer.subarray(0, first.bytes))) throw this.#damaged(position)
    let length = first.bytes
    let end = first.endOffset
    for (;;) {
      // What is not good here is for the read that begins with it to say.
      const next = readHeader(buffer, length)
      if (!next || next.baseOffset !== end || next.bytes > buffer.length - length) break
      if (!verifies(buffer.subarray(length, length + next.bytes))) break
      length += next.bytes
      end = next.endOffset
    }
    this.#remember(end, position + length)
    return buffer.subarray(0, length)
  }

  /** See `LogView.fetch`. What lies near the end was written lately, or is soon read: nobody waits for the pool to tell so. */
  fetch(files: OpenFiles, from: number): Promise<void> | undefined {
    const file = files.reading(this.path)
    if (!file.cold) return undefined
    const position = this.#positionOf(file, from)
    return this.bytes - position > fetchBytes ? file.fetch(position, fetchBytes) : undefined
  }

  /** See `LogView.offsetAtTime`. Looks at few frames: some that the index names, and those up to the next entry. */
  offsetAtTime(files: OpenFiles, timeMs: number): number {
    const file = files.reading(this.path)
    // So it is with most logs, of those that reach to that time at all.
    if (this.bytes > 0 && this.#frameAt(file, 0).timeMs >= timeMs) return this.base
    let low = 0
    let high = this.index.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#frameAt(file, this.index.entry(middle).position).timeMs < timeMs) low = middle + 1
      else high = middle
    }
    for (let position = low === 0 ? 0 : this.index.entry(low - 1).position; position < this.bytes; ) {
      const frame = this.#frameAt(file, position)
      if (frame.timeMs >= timeMs) return frame.baseOffset
      position += frame.bytes
    }
    return this.end
  }

  /** The chain of the frame that ends at `offset`, base < offset <= end; undefined where none ends there. */
  chainAt(files: OpenFiles, offset: number): bigint | undefined {
    const file = files.reading(this.path)
    const position = this.#positionOf(file, offset - 1)
    const { endOffset, frame } = this.#frameAt(file, position)
    return endOffset === offset ? storedChain(frame) : undefined
  }

  /** Throws as `LogView.chainAt`. */
  firstFrame(files: OpenFiles): Uint8Array {
    return this.#frameAt(files.reading(this.path), 0).frame
  }

  /** Hybrid time of the frame that contains `offset`, by its header. */
  timestampAt(files: OpenFiles, offset: number): bigint {
    const file = files.reading(this.path)
    return storedTimestamp(this.#bytesAt(file, this.#positionOf(file, offset), frameHeaderBytes))
  }

  /**
   * Offset of the first frame that is later than `timestamp`; `end` where there is none. They never go back. What is
   * damaged is none of them: when it was written is not known.
   */
  firstAfter(files: OpenFiles, timestamp: bigint): number {
    const file = files.reading(this.path)
    let found = this.end
    let low = this.base
    let high = this.end
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2)
      const frame = this.#goodAt(file, middle)
      if (frame && storedTimestamp(frame.frame) <= timestamp) {
        low = frame.endOffset
        continue
      }
      found = frame?.baseOffset ?? found
      high = Math.min(middle, found)
    }
    return found
  }

  #positionOf(file: DiskFile, offset: number): number {
    const known = this.#nextPositions?.get(offset)
    if (known !== undefined) return known
    const entry = this.index.floor(offset)
    if (!entry) throw this.#damaged(0)
    return this.#walk(file, entry, offset)
  }

  /** The frame that has `offset`, or the first good one behind it. */
  #goodAt(file: DiskFile, offset: number): Verified | undefined {
    try {
      return this.#frameAt(file, this.#positionOf(file, offset))
    } catch (error) {
      if (!isDamage(error)) throw error
      const again = this.#goodBehind(file, offset)
      if (!again) return undefined
      return this.#frameAt(file, again.offset > offset ? again.position : this.#walk(file, again, offset))
    }
  }

  /** Where frames go on behind damage, of those between two places that are known: what the index names, and the end. */
  #goodBehind(file: DiskFile, offset: number): FramePlace | undefined {
    const from = this.index.floor(offset)?.position ?? 0
    const until = this.index.after(offset)
    const source = sourceOfFile(file, until?.position ?? this.bytes, scratch.length)
    return goodAgain(source, from, until?.offset ?? this.end) ?? until
  }

  /** From a frame on to the one that has `offset`. */
  #walk(file: DiskFile, from: FramePlace, offset: number): number {
    let { position, offset: expected } = from
    while (position < this.bytes) {
      const window = scratch.subarray(0, Math.min(scratch.length, this.bytes - position))
      this.#fill(file, window, position)
      let at = 0
      do {
        const header = this.#header(window, at, position + at)
        if (header.baseOffset !== expected) throw this.#damaged(position + at)
        if (offset < header.endOffset) return position + at
        at += header.bytes
        expected = header.endOffset
      } while (at + frameHeaderBytes <= window.length)
      position += at
    }
    throw this.#damaged(position)
  }

  #frameAt(file: DiskFile, position: number): Verified {
    const header = this.#header(this.#bytesAt(file, position, frameHeaderBytes), 0, position)
    const frame = this.#bytesAt(file, position, header.bytes)
    if (!verifies(frame)) throw this.#damaged(position)
    return { ...header, frame, timeMs: timestampMs(storedTimestamp(frame)) }
  }

  #header(bytes: Uint8Array, at: number, position: number): FrameHeader {
    const header = readHeader(bytes, at)
    if (!header || header.bytes > this.bytes - position) throw this.#damaged(position)
    return header
  }

  #bytesAt(file: DiskFile, position: number, length: number, memory: Memory = fresh): Uint8Array {
    const bytes = memory.take(length)
    this.#fill(file, bytes, position)
    return bytes
  }

  #fill(file: DiskFile, target: Uint8Array, position: number): void {
    if (file.read(target, position) < target.length) throw this.#damaged(position)
  }

  #remember(offset: number, position: number): void {
    this.#nextPositions ??= new Map()
    const known = this.#nextPositions
    known.delete(offset)
    known.set(offset, position)
    if (known.size <= nextPositionsMax) return
    for (const oldest of known.keys()) {
      known.delete(oldest)
      return
    }
  }

  #damaged(position: number): ReeveError {
    return new ReeveError('DATA_CORRUPT', `${this.path} is damaged at byte ${position}`)
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof ReeveError && error.code === 'DATA_CORRUPT'
}

export function segmentName(base: number): string {
  return `${String(base).padStart(20, '0')}.log`
}
