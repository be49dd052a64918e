/**
 * What one log has accepted for its disk. Owns the place of each frame behind all that was accepted before it, how frames
 * go together in groups, and the room they take until it is known what became of them. Never touches a file, and never
 * decides that a group is durable, or that it is not.
 */

import { ReeveError } from '../errors.ts'
import { type FrameMark, frameHeaderBytes, type ProducerMark } from './frame.ts'
import type { LogEnd, LogWorld } from './log-world.ts'
import { tailOf } from './tail-of.ts'
import { type GatheringFrame, type Tail, WriteGroup } from './write-group.ts'

/** Frames of others that are smaller are gathered for one write; larger ones go to the disk from where they are. */
const gatheredMaxBytes = 64 * 1024

export class WriteQueue {
  readonly #world: LogWorld
  readonly #log: LogEnd
  #tail: { -readonly [K in keyof Tail]: Tail[K] }
  /** In the order of the log. The last one takes more. */
  readonly #waiting: WriteGroup[] = []
  /** Of the last group: the next one will be about as large. */
  #usualBytes = 0

  constructor(world: LogWorld, log: LogEnd) {
    this.#world = world
    this.#log = log
    this.#tail = tailOf(log)
  }

  /** Behind everything accepted, durable or not. */
  get tail(): Tail {
    return this.#tail
  }

  /** In the order of the log. */
  get waiting(): readonly WriteGroup[] {
    return this.#waiting
  }

  /** Lets the next frame begin a new segment. */
  roll(): void {
    this.#tail.segmentBytes = 0
  }

  /** The next frame goes behind what is visible. */
  resume(): void {
    this.#tail = tailOf(this.#log)
  }

  /** Throws where there is no room for so many bytes. */
  admit(bytes: number): void {
    const { pending } = this.#log
    if (pending && pending.bytes > 0 && pending.bytes + bytes > pending.maxBytes) {
      throw new ReeveError('OVERLOADED', `${pending.bytes} bytes wait for the disk already`)
    }
  }

  /** Gives the batch its place, see `LogWriter.append`. */
  append(batch: Uint8Array, recordCount: number, producer: ProducerMark | undefined): GatheringFrame {
    const { offset, segmentBytes } = this.#tail
    const last = this.#waiting.at(-1)
    const fits = segmentBytes > 0 && segmentBytes + batch.length <= this.#log.topic.rules.segmentMaxBytes
    let bytes = batch.length
    let frame: GatheringFrame
    if (last && fits && !producer && last.sharesFrame(bytes)) frame = last.share(batch, recordCount)
    else {
      bytes += frameHeaderBytes
      frame = this.#groupFor(bytes).begin(offset, batch, recordCount, producer)
    }
    this.#took(bytes, offset + recordCount)
    return frame
  }

  /** Verified whole frames that go to one segment, see `goTogether`. Returns the group they go with. */
  add(frames: Uint8Array, marks: readonly FrameMark[]): WriteGroup {
    const bytes = frames.length
    const group = this.#groupFor(bytes, bytes > gatheredMaxBytes ? frames : undefined)
    group.add(frames, marks)
    const last = marks.at(-1) as FrameMark
    this.#tail.chain = last.chain
    this.#took(bytes, last.endOffset)
    return group
  }

  /** The group that so many bytes go with, which is a new one for a new segment, and for a `piece`. */
  #groupFor(bytes: number, piece?: Uint8Array): WriteGroup {
    this.#seal()
    const tail = this.#tail
    if (tail.segmentBytes + bytes > this.#log.topic.rules.segmentMaxBytes) tail.segmentBytes = 0
    const last = this.#waiting.at(-1)
    if (last && !piece && tail.segmentBytes > 0 && last.hasRoomFor(bytes)) return last
    const { buffers, settings } = this.#world
    const maxBytes = settings.groupMaxBytes
    const usualBytes = last ? maxBytes : this.#usualBytes
    const group = new WriteGroup({ ...tail }, piece ?? { buffers, atLeastBytes: bytes, usualBytes, maxBytes })
    this.#waiting.push(group)
    return group
  }

  /** The frame that was begun last takes no more. */
  #seal(): void {
    const last = this.#waiting.at(-1)
    if (last) this.#tail.chain = last.seal(this.#tail.chain, this.#log.timestamp)
  }

  #took(bytes: number, end: number): void {
    this.#tail.segmentBytes += bytes
    this.#tail.offset = end
    if (this.#log.pending) this.#log.pending.bytes += bytes
  }

  /** The group that is to be written next, as it will be. */
  next(): WriteGroup {
    if (this.#waiting.length === 1) this.#seal()
    return this.#waiting[0] as WriteGroup
  }

  /** That group is written. */
  shift(): void {
    const group = this.#waiting.shift() as WriteGroup
    this.#usualBytes = 2 * group.length
  }

  /** Gives up all that waits: the next frame goes where the first of these was to go. */
  takeBack(): WriteGroup[] {
    this.#tail = { ...(this.#waiting[0] as WriteGroup).before }
    return this.clear()
  }

  /** Gives up all that waits, and leaves the tail behind it: nothing may be added before `resume`. */
  clear(): WriteGroup[] {
    return this.#waiting.splice(0)
  }

  /** These are not on the disk, or nobody knows. */
  reject(groups: readonly WriteGroup[], error: ReeveError): void {
    for (const group of groups) this.settle(group, error)
  }

  /** It is known what became of it: durable and visible, where there is no `error`. */
  settle(group: WriteGroup, error?: ReeveError): void {
    if (this.#log.pending) this.#log.pending.bytes -= group.length
    group.drop()
    group.settle(error)
  }
}
