/**
 * The writing end of one log. Owns the order of frames between their encoding and the disk, and group commit: whatever
 * waits while a sync is under way shares the next one. Nothing is visible, and no promise resolves, before its group
 * is durable. Never guesses: after a failed sync nobody knows what the disk holds, and the log takes no more in this
 * run.
 */

import { type Disk, DiskError, type DiskFile } from '../env/env.ts'
import { type ErrorCode, ReeveError } from '../errors.ts'
import { readHeader, storedChain, storedProducer, storedTimestamp } from './frame.ts'
import type { JournalEvent } from './journal.ts'
import type { OpenFiles } from './open-files.ts'
import { Segment } from './segment.ts'
import type { LogSettings, TopicRules } from './settings.ts'
import type { Soundness } from './soundness.ts'

export interface Pending {
  bytes: number
  readonly maxBytes: number
}

/** What all logs of a journal share. */
export interface LogWorld {
  readonly disk: Disk
  readonly files: OpenFiles
  readonly settings: LogSettings
  readonly report: (event: JournalEvent) => void
  /** Bytes of this run's own logs that wait for their commit. */
  readonly pending: Pending
  readonly soundness: Soundness
}

/** One or more whole frames of one segment. */
interface Entry {
  readonly bytes: Uint8Array
  readonly base: number
  readonly beginsSegment: boolean
  resolve(): void
  reject(error: ReeveError): void
}

export class LogWriter {
  readonly #world: LogWorld
  readonly #key: string
  readonly #folder: string
  /** The log's own list; a segment joins it with its first commit. */
  readonly #segments: Segment[]
  readonly #makeFolder: () => void
  readonly #committed: () => void
  /** Undefined for a copy: what a peer may have waiting is bounded at its stream. */
  readonly #pending: Pending | undefined
  #queue: Entry[] = []
  #working = false
  #idle: (() => void)[] = []
  #between: (() => void)[] = []
  /** Why no more is taken. */
  #failure: ReeveError | undefined
  #full = false
  #folderDurable: boolean
  readonly #firstChain: bigint
  readonly #rules: TopicRules
  /** Behind everything accepted, durable or not: where the next frame belongs. */
  #tail: { offset: number; chain: bigint | undefined; segmentBytes: number }

  constructor(
    world: LogWorld,
    log: {
      key: string
      folder: string
      segments: Segment[]
      /** The chain before the log's first frame. */
      firstChain: bigint
      rules: TopicRules
      makeFolder: () => void
      committed: () => void
      pending: Pending | undefined
    },
  ) {
    this.#world = world
    this.#key = log.key
    this.#folder = log.folder
    this.#segments = log.segments
    this.#makeFolder = log.makeFolder
    this.#committed = log.committed
    this.#pending = log.pending
    this.#firstChain = log.firstChain
    this.#rules = log.rules
    this.#folderDurable = log.segments.length > 0
    this.#tail = this.#durableTail()
  }

  /** `chain` is undefined where all that was before is trimmed: any is taken. */
  get tail(): { readonly offset: number; readonly chain: bigint | undefined } {
    return this.#tail
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
    this.#tail = this.#durableTail()
  }

  /** Verified whole frames that fit the tail. Resolves once all of them are durable and visible. */
  push(frames: Uint8Array): Promise<void> {
    const pending = this.#pending
    if (this.#failure) return Promise.reject(this.#failure)
    if (pending && pending.bytes > 0 && pending.bytes + frames.length > pending.maxBytes) {
      return Promise.reject(new ReeveError('OVERLOADED', `${pending.bytes} bytes wait for the disk already`))
    }
    if (pending) pending.bytes += frames.length
    return new Promise((resolve, reject) => {
      this.#enqueue(frames, resolve, reject)
      if (this.#working) return
      this.#working = true
      // Not at once: what else is appended in this turn belongs to the same group.
      queueMicrotask(() => void this.#work())
    })
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
  close(): Promise<void> {
    this.#failure ??= new ReeveError('NODE_STOPPING', 'the logs of this node are being closed')
    return this.idle()
  }

  /** Cuts the frames into entries at the segment boundaries, which depend on the frames and the limit alone. */
  #enqueue(frames: Uint8Array, resolve: () => void, reject: (error: ReeveError) => void): void {
    const tail = this.#tail
    let run = { from: 0, base: tail.offset, beginsSegment: tail.segmentBytes === 0 }
    const close = (to: number) => {
      const last = to === frames.length
      this.#queue.push({
        bytes: frames.subarray(run.from, to),
        base: run.base,
        beginsSegment: run.beginsSegment,
        resolve: last ? resolve : () => {},
        reject,
      })
    }
    for (let at = 0; at < frames.length; ) {
      const header = readHeader(frames, at)
      if (!header) throw new Error('not whole frames')
      if (tail.segmentBytes > 0 && tail.segmentBytes + header.bytes > this.#rules.segmentMaxBytes) {
        if (at > run.from) close(at)
        run = { from: at, base: tail.offset, beginsSegment: true }
        tail.segmentBytes = 0
      }
      tail.segmentBytes += header.bytes
      tail.offset = header.endOffset
      tail.chain = storedChain(frames.subarray(at, at + header.bytes))
      at += header.bytes
    }
    close(frames.length)
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0) {
      for (const work of this.#between.splice(0)) work()
      await this.#commit(this.#gather())
    }
    for (const work of this.#between.splice(0)) work()
    this.#working = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** What goes into one write: entries of one segment, up to a size. */
  #gather(): Entry[] {
    let bytes = 0
    let count = 0
    for (const entry of this.#queue) {
      bytes += entry.bytes.length
      if (count > 0 && (entry.beginsSegment || bytes > this.#world.settings.groupMaxBytes)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  async #commit(group: Entry[]): Promise<void> {
    const { files, settings } = this.#world
    const begins = (group[0] as Entry).beginsSegment
    let segment: Segment
    let file: DiskFile
    try {
      segment = begins ? this.#begin((group[0] as Entry).base) : (this.#segments.at(-1) as Segment)
      file = files.writing(segment.path)
    } catch (error) {
      this.#refuse(group, error)
      return
    }
    let refusal: unknown
    try {
      if (begins) await this.#closeLast()
      refusal = writeOrUndo(file, joined(group), segment.bytes)
      if (refusal === undefined && settings.durability === 'fsync') {
        await file.sync()
        if (begins) await this.syncFolders()
      }
    } catch (error) {
      this.#fail(group, error)
      return
    } finally {
      files.release(segment.path)
    }
    if (refusal === undefined) this.#publish(group, segment)
    else {
      if (begins && segment !== this.#segments.at(-1)) this.#removeEmpty(segment.path)
      this.#refuse(group, refusal)
    }
  }

  /** The file is made by opening it. */
  #begin(base: number): Segment {
    const last = this.#segments.at(-1)
    // The bound that a log ends with of which everything was trimmed.
    if (last?.base === base) return last
    if (!last) this.#makeFolder()
    return new Segment(this.#folder, base, this.#world.settings.indexIntervalBytes)
  }

  /** What recovery trusts: only the last segment can end in a torn frame, and an index speaks of durable frames. */
  async #closeLast(): Promise<void> {
    const { disk, files, settings } = this.#world
    const last = this.#segments.at(-1)
    if (!last || last.bytes === 0) return
    if (settings.durability === 'os') {
      const file = files.writing(last.path)
      await file.sync().finally(() => files.release(last.path))
    }
    last.saveIndex(disk)
    last.marked = undefined
  }

  /** A segment that could not be begun leaves no file; recovery would drop it too. */
  #removeEmpty(path: string): void {
    const { disk, files } = this.#world
    files.close(path)
    try {
      disk.removeFile(path)
    } catch {
      // It stays, empty.
    }
  }

  /** Makes the names of this log's files last. */
  async syncFolders(): Promise<void> {
    const { disk } = this.#world
    let folder = this.#folder
    await disk.syncFolder(folder)
    // The first time, the names of epoch, origin and topic too.
    for (let level = 0; level < 3 && !this.#folderDurable; level++) {
      folder = folder.slice(0, folder.lastIndexOf('/'))
      await disk.syncFolder(folder)
    }
    this.#folderDurable = true
  }

  #publish(group: Entry[], segment: Segment): void {
    if (segment !== this.#segments.at(-1)) this.#segments.push(segment)
    for (const { bytes } of group) {
      for (let at = 0; at < bytes.length; ) {
        const header = readHeader(bytes, at)
        if (!header) throw new Error('not whole frames')
        const frame = bytes.subarray(at, at + header.bytes)
        segment.extend({
          ...header,
          chain: storedChain(frame),
          timestamp: storedTimestamp(frame),
          producer: storedProducer(frame),
        })
        at += header.bytes
      }
    }
    if (this.#full) this.#world.report({ kind: 'fullOver', log: this.#key })
    this.#full = false
    for (const entry of group) {
      this.#settled(entry)
      entry.resolve()
    }
    this.#committed()
  }

  /** Nothing of the group is on disk: refuse it and all behind it, which were made to follow it; then go on. */
  #refuse(group: Entry[], error: unknown): void {
    const full = isFull(error)
    const message = `${this.#key} cannot be written: ${messageOf(error)}`
    if (full && !this.#full) this.#world.report({ kind: 'full', log: this.#key, message })
    this.#full = full
    this.#rejectAll(group, reeveError(error, full ? 'DISK_FULL' : 'DISK_FAILED', message))
    this.#tail = this.#durableTail()
  }

  #fail(group: Entry[], error: unknown): void {
    const message = `${this.#key} failed: ${messageOf(error)}`
    this.#failure = reeveError(error, 'LOG_FAILED', `${message}; it takes no more in this run`)
    this.#world.report({ kind: 'failed', log: this.#key, message })
    this.#rejectAll(group, reeveError(error, 'DISK_FAILED', message))
    this.#tail = this.#durableTail()
  }

  #rejectAll(group: Entry[], error: ReeveError): void {
    for (const entry of [...group, ...this.#queue.splice(0)]) {
      this.#settled(entry)
      entry.reject(error)
    }
  }

  #settled({ bytes }: Entry): void {
    if (this.#pending) this.#pending.bytes -= bytes.length
  }

  #durableTail(): { offset: number; chain: bigint | undefined; segmentBytes: number } {
    const last = this.#segments.at(-1)
    if (!last) return { offset: 0, chain: this.#firstChain, segmentBytes: 0 }
    return { offset: last.end, chain: last.chainKnown ? last.chain : undefined, segmentBytes: last.bytes }
  }
}

function joined(group: Entry[]): Uint8Array {
  if (group.length === 1) return (group[0] as Entry).bytes
  const bytes = new Uint8Array(group.reduce((sum, entry) => sum + entry.bytes.length, 0))
  let at = 0
  for (const entry of group) {
    bytes.set(entry.bytes, at)
    at += entry.bytes.length
  }
  return bytes
}

/** Gives the error where the disk is full; then nothing was written. Throws any other, and where undoing fails. */
function writeOrUndo(file: DiskFile, bytes: Uint8Array, position: number): unknown {
  try {
    file.write(bytes, position)
    return undefined
  } catch (error) {
    if (!isFull(error)) throw error
    file.truncate(position)
    return error
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DiskError && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

function reeveError(error: unknown, code: ErrorCode, message: string): ReeveError {
  return error instanceof ReeveError ? error : new ReeveError(code, message, { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
