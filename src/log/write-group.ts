/**
 * What goes to a disk by one write: whole frames of one segment, back to back. Frames of this run are made in place, in
 * memory that is used again; small batches that wait for the same write share a frame, as their records are one batch.
 *
 * Owns the bytes until they are written, and from then on only what is to be known of each frame.
 */

import type { ReeveError } from '../errors.ts'
import { type FrameMark, frameHeaderBytes, markOf, type ProducerMark, readHeader, sealFrame } from './frame.ts'
import type { WriteBuffers } from './write-buffers.ts'

/** Batches are put into one frame up to this many bytes: about what a reader takes at once. */
const sharedBodyMaxBytes = 64 * 1024 - frameHeaderBytes

/** Where the next frame belongs: `chain` undefined: all before is trimmed, any is taken. */
export interface Tail {
  readonly offset: number
  readonly chain: bigint | undefined
  /** Of the segment it would go to; 0: it begins one. */
  readonly segmentBytes: number
}

/** May take more batches before it is sealed, which is when it gets its timestamp. */
export interface GatheringFrame {
  readonly group: WriteGroup
  readonly timestamp: bigint
}

interface OpenFrame {
  readonly group: WriteGroup
  timestamp: bigint
  readonly at: number
  readonly baseOffset: number
  readonly producer: ProducerMark | undefined
  bodyBytes: number
  recordCount: number
}

const nothing = new Uint8Array(0)

/** To gather in, or whole frames that are complete as they are. */
export type Memory =
  | {
      readonly buffers: WriteBuffers
      readonly atLeastBytes: number
      readonly usualBytes: number
      readonly maxBytes: number
    }
  | Uint8Array

export class WriteGroup {
  /** What to go back to where it cannot be written. */
  readonly before: Tail
  readonly beginsSegment: boolean
  readonly frames: FrameMark[] = []
  #buffer: Uint8Array
  readonly #maxBytes: number
  readonly #buffers: WriteBuffers | undefined
  #length = 0
  #open: OpenFrame | undefined
  #durable: Promise<void> | undefined
  #tell: ((error: ReeveError | undefined) => void) | undefined
  /** Undefined in it: durable. */
  #outcome: { readonly error: ReeveError | undefined } | undefined

  constructor(before: Tail, memory: Memory) {
    this.before = before
    this.beginsSegment = before.segmentBytes === 0
    if (memory instanceof Uint8Array) {
      this.#buffer = memory
      this.#length = memory.length
      this.#maxBytes = memory.length
    } else {
      const { buffers, atLeastBytes, usualBytes, maxBytes } = memory
      this.#buffers = buffers
      this.#buffer = buffers.take(Math.max(atLeastBytes, Math.min(usualBytes, maxBytes)))
      this.#maxBytes = Math.max(atLeastBytes, Math.min(this.#buffer.length, maxBytes))
    }
  }

  /** Of what was put into it. */
  get length(): number {
    return this.#length
  }

  get isOneFrame(): boolean {
    return this.frames.length + (this.#open ? 1 : 0) === 1
  }

  hasRoomFor(bytes: number): boolean {
    return this.#length + bytes <= this.#maxBytes
  }

  /** Whether a batch can go into the frame that was begun last. */
  sharesFrame(batchBytes: number): boolean {
    const open = this.#open
    return (
      open !== undefined &&
      open.producer === undefined &&
      open.bodyBytes + batchBytes <= sharedBodyMaxBytes &&
      this.hasRoomFor(batchBytes)
    )
  }

  /** Puts a batch into the frame that was begun last. */
  share(batch: Uint8Array, recordCount: number): GatheringFrame {
    const open = this.#open as OpenFrame
    this.#put(batch)
    open.bodyBytes += batch.length
    open.recordCount += recordCount
    return open
  }

  /** Begins a frame, for which there must be room; the one before must be sealed. */
  begin(
    baseOffset: number,
    batch: Uint8Array,
    recordCount: number,
    producer: ProducerMark | undefined,
  ): GatheringFrame {
    const at = this.#length
    this.#length += frameHeaderBytes
    this.#put(batch)
    this.#open = { group: this, timestamp: 0n, at, baseOffset, producer, bodyBytes: batch.length, recordCount }
    return this.#open
  }

  /** Completes the frame that was begun last, if it is not; returns its chain. */
  seal(previousChain: bigint | undefined, timestamp: () => bigint): bigint | undefined {
    const open = this.#open
    if (!open) return previousChain
    if (previousChain === undefined) throw new Error('a log that this run writes is known from its first frame')
    this.#open = undefined
    open.timestamp = timestamp()
    const frame = this.#buffer.subarray(open.at, this.#length)
    const { baseOffset, recordCount, producer } = open
    const chain = sealFrame(frame, { baseOffset, recordCount, timestamp: open.timestamp, previousChain, producer })
    const endOffset = baseOffset + recordCount
    const { timestamp: sealedAt } = open
    this.frames.push({ baseOffset, recordCount, endOffset, bytes: frame.length, chain, timestamp: sealedAt, producer })
    return chain
  }

  /** Frames that another node made, all that its bytes were said to be where it was made of bytes. */
  add(frames: Uint8Array, marks: readonly FrameMark[]): void {
    if (this.#buffers) this.#put(frames)
    for (const mark of marks) this.frames.push(mark)
  }

  /** All of it, until it is dropped. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  /** The memory is free for others. */
  drop(): void {
    this.#buffers?.give(this.#buffer)
    this.#buffer = nothing
    this.#open = undefined
  }

  /** The same promise for all who wait for this group. */
  get durable(): Promise<void> {
    this.#durable ??= new Promise((resolve, reject) => {
      this.#tell = (error) => (error ? reject(error) : resolve())
      if (this.#outcome) this.#tell(this.#outcome.error)
    })
    return this.#durable
  }

  settle(error?: ReeveError): void {
    this.#outcome = { error }
    this.#tell?.(error)
  }

  #put(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }
}

/** Nothing but one frame is in these. */
export function isOneFrame(groups: readonly WriteGroup[]): boolean {
  return groups.length === 1 && groups[0]?.isOneFrame === true
}

/**
 * The frames from `at` on that go to one segment, which has so many bytes already: its boundaries depend on the frames
 * and the limit alone.
 */
export function goTogether(frames: Uint8Array, at: number, segmentBytes: number, segmentMaxBytes: number): FrameMark[] {
  const marks: FrameMark[] = []
  let bytes = segmentBytes
  for (let from = at; from < frames.length; ) {
    const header = readHeader(frames, from)
    if (!header) throw new Error('not whole frames')
    const fits = bytes + header.bytes <= segmentMaxBytes
    if (marks.length > 0 && !fits) break
    bytes = (fits ? bytes : 0) + header.bytes
    marks.push(markOf(header, frames.subarray(from, from + header.bytes)))
    from += header.bytes
  }
  return marks
}
