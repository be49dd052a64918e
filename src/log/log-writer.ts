/**
 * The writing end of one log. Owns the order of frames on their way to the disk, and group commit: whatever waits while
 * a sync is under way shares the next one. What fills a whole write meanwhile is written already, so that the disk has
 * it when its sync comes. Nothing is visible, and no promise resolves, before a sync that began after its write has come
 * back. Never guesses: after a failed sync nobody knows what the disk holds, and the log takes no more in this run.
 */

import { ReeveError } from '../errors.ts'
import { finishSegment } from './finish-segment.ts'
import { FolderNames } from './folder-names.ts'
import { type FrameMark, frameHeaderBytes, type ProducerMark } from './frame.ts'
import { saveIndexNowAndThen } from './index-file.ts'
import type { LogEnd, LogWorld } from './log-world.ts'
import { Segment } from './segment.ts'
import { SegmentFile } from './segment-file.ts'
import { tailOf } from './tail-of.ts'
import { isFull, messageOf, reeveError, removeEmpty } from './write-error.ts'
import { type GatheringFrame, goTogether, isOneFrame, type Tail, WriteGroup } from './write-group.ts'

/** Frames of others that are smaller are gathered for one write; larger ones go to the disk from where they are. */
const gatheredMaxBytes = 64 * 1024

export class LogWriter {
  readonly #world: LogWorld
  readonly #log: LogEnd
  #tail: { -readonly [K in keyof Tail]: Tail[K] }
  /** Each group is in one of these, in the order of the log. The last that waits takes more. */
  #waiting: WriteGroup[] = []
  #written: WriteGroup[] = []
  /** What is being written; its file stays open as long as there is work. */
  #active: SegmentFile | undefined
  /** Of the last group: the next one will be about as large. */
  #usualBytes = 0
  #working = false
  #syncing = false
  #idle: (() => void)[] = []
  /** For when no file is in use here. */
  #between: (() => void)[] = []
  /** Why no more is taken. */
  #failure: ReeveError | undefined
  /** Nobody knows what the disk holds behind what is visible. */
  #failed = false
  #refusing: 'full' | 'unwritable' | undefined
  readonly #names: FolderNames

  constructor(world: LogWorld, log: LogEnd) {
    this.#world = world
    this.#log = log
    this.#names = new FolderNames(world.disk, log.folder, log.segments.length > 0)
    this.#tail = tailOf(this.#log)
  }

  /** Behind everything accepted, durable or not. */
  get tail(): Tail {
    return this.#tail
  }

  get #fsyncs(): boolean {
    return this.#world.settings.durability === 'fsync'
  }

  /** Nothing is accepted that is not on the disk. */
  get quiet(): boolean {
    return !this.#working
  }

  /** Whether the next frame begins a new segment, for all that is accepted up to now. */
  get rolled(): boolean {
    return this.#tail.segmentBytes === 0
  }

  /** Lets the next frame begin a new segment; forgotten when a write is refused. */
  roll(): void {
    this.#tail.segmentBytes = 0
  }

  /** Takes the list of segments as it is now; only while quiet. */
  resume(): void {
    this.#tail = tailOf(this.#log)
  }

  /**
   * Gives a checked batch its place at the end of the log: in a frame of its own or, where small ones that are nobody's
   * in particular wait for the same write, in one with them. Throws what `Journal.append` rejects with.
   */
  append(batch: Uint8Array, recordCount: number, producer?: ProducerMark | undefined): GatheringFrame {
    this.#admit(batch.length)
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

  /** Verified whole frames that fit the tail. Resolves once all of them are durable and visible. */
  async push(frames: Uint8Array): Promise<void> {
    this.#admit(frames.length)
    let group: WriteGroup | undefined
    for (let at = 0; at < frames.length; ) {
      const marks = goTogether(frames, at, this.#tail.segmentBytes, this.#log.topic.rules.segmentMaxBytes)
      const bytes = marks.reduce((sum, mark) => sum + mark.bytes, 0)
      const piece = frames.subarray(at, at + bytes)
      group = this.#groupFor(bytes, bytes > gatheredMaxBytes ? piece : undefined)
      group.add(piece, marks)
      const last = marks.at(-1) as FrameMark
      this.#tail.chain = last.chain
      this.#took(bytes, last.endOffset)
      at += bytes
      if (this.#failure || this.#tail.offset !== last.endOffset) break
    }
    await group?.durable
  }

  /** Does this while no file is in use here: at once, or before the next group is written. Rejects as it throws. */
  between(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          work()
          resolve()
        } catch (error) {
          reject(error)
        }
      }
      if (this.#working) this.#between.push(run)
      else run()
    })
  }

  /** Resolves when nothing waits for the disk. */
  idle(): Promise<void> {
    return this.#working ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve()
  }

  /** Takes no more; resolves when nothing waits for the disk. */
  async close(): Promise<void> {
    this.#failure ??= new ReeveError('NODE_STOPPING', 'the logs of this node are being closed')
    await this.idle()
    if (!this.#failed) await finishSegment(this.#world, this.#log).catch(() => {})
  }

  #admit(bytes: number): void {
    const { pending } = this.#log
    if (this.#failure) throw this.#failure
    if (pending && pending.bytes > 0 && pending.bytes + bytes > pending.maxBytes) {
      throw new ReeveError('OVERLOADED', `${pending.bytes} bytes wait for the disk already`)
    }
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
    if (!this.#working) {
      this.#working = true
      // Not at once: what else is appended in this turn belongs to the same group.
      queueMicrotask(() => void this.#work())
    } else if (this.#syncing && this.#between.length === 0) this.#writeAhead()
  }

  async #work(): Promise<void> {
    let durable: WriteGroup[] = []
    while (this.#waiting.length > 0 || this.#written.length > 0 || durable.length > 0) {
      const now = this.#written.length === 0 ? this.#between.splice(0) : []
      // The index of the segment before speaks of all of it.
      if (now.length > 0 || this.#waiting[0]?.beginsSegment) this.#publish(durable.splice(0))
      if (now.length > 0) this.#release()
      for (const work of now) work()
      if (this.#between.length === 0) await this.#write()
      const groups = this.#written.splice(0)
      const synced = this.#sync(groups)
      // While the disk is busy with the next.
      this.#publish(durable)
      durable = (await synced) ? groups : []
    }
    this.#release()
    if (this.#failed) this.#tail = tailOf(this.#log)
    for (const work of this.#between.splice(0)) work()
    this.#working = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** All that waits, up to where a segment begins: that is for when all before is durable. */
  async #write(): Promise<void> {
    if (this.#waiting.length > 0 && this.#mayHaveZeros && !isOneFrame([...this.#written, ...this.#waiting])) {
      if (!(await this.#cutZeros())) return
    }
    for (let group = this.#waiting[0]; group; group = this.#waiting[0]) {
      if (group.beginsSegment && (this.#written.length > 0 || !(await this.#begin(group)))) return
      if (!this.#writeNext()) return
    }
    this.#writeZeros()
  }

  /** The groups that take no more, while a sync is under way, if none of them begins a segment. */
  #writeAhead(): void {
    while (this.#waiting.length > 1 && !this.#waiting[0]?.beginsSegment && !this.#mayHaveZeros) {
      if (!this.#writeNext()) return
    }
  }

  /** See `GrowingFile`. */
  get #mayHaveZeros(): boolean {
    const last = this.#active?.segment ?? this.#log.segments.at(-1)
    return last !== undefined && this.#world.files.mayHaveZeros(last.path)
  }

  #writeZeros(): void {
    if (!this.#fsyncs || !isOneFrame(this.#written)) return
    try {
      this.#active?.writeAhead(this.#log.topic.rules.segmentMaxBytes)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** False: nothing that waits will be written. */
  async #cutZeros(): Promise<boolean> {
    let cut: Promise<void>
    try {
      this.#active ??= new SegmentFile(this.#world.files, this.#log.segments.at(-1) as Segment)
      cut = this.#active.cut()
    } catch (error) {
      this.#refuse(error)
      return false
    }
    try {
      await cut
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  /** Makes the file, by opening it, of the segment that this group begins. */
  async #begin({ before }: WriteGroup): Promise<boolean> {
    const { files, settings } = this.#world
    const { segments, folder } = this.#log
    this.#release()
    try {
      const last = segments.at(-1)
      // Where everything was trimmed the log ends with the bound of that.
      const bound = last?.base === before.offset ? last : undefined
      if (!last) this.#log.makeFolder()
      const segment = bound ?? new Segment(folder, before.offset, settings.indexIntervalBytes)
      this.#active = new SegmentFile(files, segment)
    } catch (error) {
      this.#refuse(error)
      return false
    }
    try {
      await finishSegment(this.#world, this.#log)
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  /** False: it could not be written, and nothing that waits will be. */
  #writeNext(): boolean {
    const group = this.#waiting[0] as WriteGroup
    if (this.#waiting.length === 1) this.#seal()
    let refusal: unknown
    try {
      this.#active ??= new SegmentFile(this.#world.files, this.#log.segments.at(-1) as Segment)
      refusal = this.#active.append(group.bytes)
    } catch (error) {
      if (this.#active) this.#fail(error)
      else this.#refuse(error)
      return false
    }
    if (refusal !== undefined) {
      if (group.beginsSegment) this.#removeBegun()
      this.#refuse(refusal)
      return false
    }
    this.#waiting.shift()
    this.#written.push(group)
    group.drop()
    this.#usualBytes = 2 * group.length
    if (this.#refusing) this.#world.report({ kind: overOf[this.#refusing], log: this.#log.key })
    this.#refusing = undefined
    return true
  }

  #release(): void {
    this.#active?.release()
    this.#active = undefined
  }

  /** A segment that could not be begun leaves no file. */
  #removeBegun(): void {
    const segment = this.#active?.segment
    this.#release()
    if (segment && segment !== this.#log.segments.at(-1)) removeEmpty(this.#world, segment.path)
  }

  /** False: nobody knows what the disk holds. */
  async #sync(groups: WriteGroup[]): Promise<boolean> {
    const [first] = groups
    if (!first || !this.#fsyncs) return true
    this.#syncing = true
    try {
      await this.#active?.sync()
      if (first.beginsSegment) await this.syncFolders()
      return true
    } catch (error) {
      this.#written.unshift(...groups)
      this.#fail(error)
      return false
    } finally {
      this.#syncing = false
    }
  }

  /** Makes the names of this log's files last. */
  async syncFolders(): Promise<void> {
    await this.#names.sync()
  }

  #publish(groups: WriteGroup[]): void {
    const segment = this.#active?.segment
    if (groups.length === 0 || !segment) return
    if (segment !== this.#log.segments.at(-1)) this.#log.segments.push(segment)
    for (const group of groups) {
      for (const frame of group.frames) segment.extend(frame)
      this.#settle(group)
    }
    if (this.#fsyncs) saveIndexNowAndThen(this.#world.disk, segment, this.#log.firstChain)
    this.#log.committed()
  }

  /** What waits is not on the disk: refuses all of it, as each was made to follow the one before; then goes on. */
  #refuse(error: unknown): void {
    const { key } = this.#log
    const kind = isFull(error) ? 'full' : 'unwritable'
    const message = `${key} cannot be written: ${messageOf(error)}`
    if (!(error instanceof ReeveError)) {
      if (kind !== this.#refusing) this.#world.report({ kind, log: key, message })
      this.#refusing = kind
    }
    this.#tail = { ...(this.#waiting[0] as WriteGroup).before }
    this.#rejectAll(this.#waiting.splice(0), reeveError(error, kind === 'full' ? 'DISK_FULL' : 'DISK_FAILED', message))
  }

  #fail(error: unknown): void {
    const { key } = this.#log
    const message = `${key} failed: ${messageOf(error)}`
    this.#failed = true
    this.#failure = reeveError(error, 'LOG_FAILED', `${message}; it takes no more in this run`)
    this.#world.report({ kind: 'failed', log: key, message })
    const groups = [...this.#written.splice(0), ...this.#waiting.splice(0)]
    this.#rejectAll(groups, reeveError(error, 'DISK_FAILED', message))
  }

  #rejectAll(groups: WriteGroup[], error: ReeveError): void {
    for (const group of groups) this.#settle(group, error)
  }

  #settle(group: WriteGroup, error?: ReeveError): void {
    if (this.#log.pending) this.#log.pending.bytes -= group.length
    group.drop()
    group.settle(error)
  }
}

const overOf = { full: 'fullOver', unwritable: 'writable' } as const
