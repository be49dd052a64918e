/**
 * Replaces what is damaged in one segment by the frames that belong there, in place: a log's bytes are the same on every
 * node, so the good frames fit to the byte, readers and the writer of the same file are not disturbed, and whatever stays
 * wrong is still found by its checksum.
 *
 * Owns: what is verified up to now, from the segment's first byte on; a copy of the file as it was found.
 * Never: writes a frame that does not follow, by its chain hash, from what is before it; touches what is not yet visible.
 */

import { DiskError, type DiskFile } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { goodAgain } from './behind-damage.ts'
import { parentOf, quarantineFolder } from './data-dir.ts'
import { chainSeed } from './frame.ts'
import type { LogId } from './log-id.ts'
import { type ByteSource, type Place, scanFrames, sourceOfBytes, sourceOfFile } from './scan.ts'
import { type Segment, segmentName } from './segment.ts'
import type { Trimmable } from './trimming.ts'

export interface Mendable extends Trimmable {
  readonly id: LogId
}

/** Frames to be fetched: those from `offset` on, whose predecessor has this chain hash, at least up to `until`. */
export interface Missing {
  readonly offset: number
  readonly chain: bigint | undefined
  readonly until: number
}

/** Something of a log that is damaged or gone, on its way back. */
export interface Mending {
  /** Where verified frames end. */
  readonly offset: number
  /** Of good frames that took the place of others. */
  readonly writtenBytes: number
  /** There is nothing left to be done. */
  readonly isGone: boolean
  /** What has to come from elsewhere; undefined: nothing, it can be finished. */
  readonly missing: Missing | undefined
  /** Rejects with `DiskError`. */
  open(): Promise<void>
  /** Verifies on: some bytes at a time. True when there is more to verify; else either something is `missing`, or all is good. Throws `DiskError`. */
  advance(maxBytes?: number): boolean
  /** Takes what is `missing` from what lies here. False: there is no such luck. */
  rescue(): Promise<boolean>
  /**
   * Frames that begin at the `missing` offset. Rejects with nothing of the bad ones written: `DATA_CORRUPT` where they
   * are damaged, `LOG_DIVERGED` where they contradict what is here; `DiskError`.
   */
  take(frames: Uint8Array): Promise<void>
  /** A donor could not give what is missing. */
  refused(error: ReeveError): void
  /** All donors were asked, and that some time ago too. True: what is missing is another part now. */
  settle(): boolean
  /**
   * Makes it last. Rejects with `LOG_DIVERGED` where the whole is not what this node knew it to be, `DATA_CORRUPT` where
   * something was left out that nobody has; `DiskError`.
   */
  finish(): Promise<void>
  close(): void
}

/** Checked in one go before others have their turn on the event loop. */
const sliceBytes = 1024 * 1024
const windowBytes = 256 * 1024

export class Mend implements Mending {
  readonly #log: Mendable
  readonly #segment: Segment
  #file: DiskFile | undefined
  /** Files that were open when the one at the path turned out to be another: they may hold what is gone there. */
  #former: DiskFile[] = []
  #position = 0
  #place: Place
  #copied = false
  #writtenBytes = 0
  #fileBytes = 0
  /** The first offset that nobody has. */
  #left: number | undefined

  constructor(log: Mendable, segment: Segment) {
    this.#log = log
    this.#segment = segment
    this.#place = placeBefore(log, segment)
  }

  get writtenBytes(): number {
    return this.#writtenBytes
  }

  get offset(): number {
    return this.#place.offset
  }

  async open(): Promise<void> {
    const { world, writer } = this.#log
    const { path } = this.#segment
    await writer.between(() => {
      if (this.isGone) return
      // Whatever is open may be a file that is no longer at this path; from now on everybody uses the one that is.
      this.#former = world.files.detach(path)
      if (!world.disk.stat(path)) this.#log.makeFolder()
      this.#file = world.disk.open(path, 'write')
    })
    this.#fileBytes = this.#file?.size() ?? 0
  }

  /** The segment was trimmed, or its log begun anew: nothing is left to be done. */
  get isGone(): boolean {
    return !this.#log.segments.includes(this.#segment)
  }

  advance(maxBytes = sliceBytes): boolean {
    const { bytes } = this.#segment
    const from = this.#position
    const scan = scanFrames(shifted(sourceOfFile(this.#open, bytes, windowBytes), from), this.#place)
    try {
      for (let step = scan.next(); !step.done; step = scan.next()) {
        this.#position = from + step.value.position + step.value.bytes
        this.#place = { offset: step.value.endOffset, chain: step.value.chain }
        if (this.#position - from >= maxBytes) return this.#position < this.#segment.bytes
      }
    } catch (error) {
      // What the device cannot read has to be replaced as well.
      if (!(error instanceof DiskError) || error.code !== 'EIO') throw error
    }
    return false
  }

  /** What has to come from elsewhere; undefined: nothing, up to the segment's visible end. */
  get missing(): Missing | undefined {
    if (this.#position >= this.#segment.bytes) return undefined
    const { offset, chain } = this.#place
    // Where the file ends, all the rest is missing; else mostly a frame or two.
    return { offset, chain, until: this.#position >= this.#fileBytes ? this.#segment.end : offset + 1 }
  }

  async take(frames: Uint8Array): Promise<void> {
    const room = this.#segment.bytes - this.#position
    const { id } = this.#log
    const scan = scanFrames(sourceOfBytes(frames), this.#place)
    let good = 0
    let place = this.#place
    for (let step = scan.next(); ; step = scan.next()) {
      if (step.done) {
        const { fault } = step.value
        if (fault && good === 0) {
          const code = fault === 'chain' ? 'LOG_DIVERGED' : 'DATA_CORRUPT'
          throw new ReeveError(code, `the frame for ${id.topic} at ${place.offset} does not fit: ${fault}`)
        }
        break
      }
      const { position, bytes, endOffset, chain } = step.value
      if (position + bytes > room) break
      good = position + bytes
      place = { offset: endOffset, chain }
    }
    if (good === 0) throw new ReeveError('LOG_DIVERGED', `a frame for ${id.topic} is longer than its place`)
    await this.#keepCopy()
    if (this.isGone) return
    this.#open.write(frames.subarray(0, good), this.#position)
    this.#position += good
    this.#place = place
    this.#writtenBytes += good
    this.#fileBytes = Math.max(this.#fileBytes, this.#position)
  }

  /** Takes what is `missing` from a file that is no longer at the path but was still open. False: there is no such luck. */
  async rescue(): Promise<boolean> {
    const former = this.#former[0]
    if (!former) return false
    try {
      const frames = new Uint8Array(Math.min(sliceBytes, this.#segment.bytes - this.#position))
      await this.take(frames.subarray(0, former.read(frames, this.#position)))
      return true
    } catch {
      // Mostly it is the same file.
      this.#former.shift()
      closeQuietly(former)
      return this.rescue()
    }
  }

  refused(_error: ReeveError): void {}

  /** What nobody has stays damaged, and what is damaged behind it may be held by somebody: goes on behind it. */
  settle(): boolean {
    if (!this.missing || this.#position >= this.#fileBytes) return false
    const { index, bytes, end } = this.#segment
    const known = index.after(this.#place.offset)
    const source = sourceOfFile(this.#open, known?.position ?? bytes, windowBytes)
    const again = goodAgain(source, this.#position + 1, known?.offset ?? end) ?? known
    if (!again) return false
    this.#left ??= this.#place.offset
    this.#position = again.position
    this.#place = { offset: again.offset, chain: undefined }
    return true
  }

  async finish(): Promise<void> {
    const segment = this.#segment
    await this.#open.sync()
    await this.#log.writer.syncFolders()
    // Meanwhile the log may have grown by frames of which nobody doubts anything.
    const whole = this.#position === segment.bytes
    if (whole && (this.#place.offset !== segment.end || this.#place.chain !== segment.chain)) {
      throw new ReeveError('LOG_DIVERGED', `${segment.path} is sound, but not what was acknowledged`)
    }
    if (this.#left !== undefined) throw new ReeveError('DATA_CORRUPT', `from offset ${this.#left} on: nobody has it`)
  }

  close(): void {
    for (const file of [this.#file, ...this.#former]) if (file) closeQuietly(file)
    this.#file = undefined
    this.#former = []
  }

  get #open(): DiskFile {
    if (!this.#file) throw new Error('not open')
    return this.#file
  }

  /** The file as it was found, once and before anything in it changes. */
  async #keepCopy(): Promise<void> {
    if (this.#copied || this.#segment.keptCopy) return
    const { world, folder } = this.#log
    const { disk } = world
    const size = Math.min(this.#open.size(), this.#segment.bytes)
    if (size > 0) {
      const aside = quarantineFolder(disk, folder)
      disk.makeFolder(aside)
      const copy = disk.open(`${aside}/${segmentName(this.#segment.base)}`, 'write')
      try {
        copyReadable(this.#open, copy, size)
        await copy.sync()
      } finally {
        copy.close()
      }
      await disk.syncFolder(aside)
      await disk.syncFolder(parentOf(folder))
    }
    this.#copied = true
    this.#segment.keptCopy = true
  }
}

/** What it held was synced, or is of no use. */
function closeQuietly(file: DiskFile): void {
  try {
    file.close()
  } catch {
    // The descriptor is gone all the same.
  }
}

/** Where the first frame of a segment belongs. */
export function placeBefore({ id, segments }: Pick<Mendable, 'id' | 'segments'>, segment: Segment): Place {
  const before = segments[segments.indexOf(segment) - 1]
  if (before) return { offset: segment.base, chain: before.chainKnown ? before.chain : undefined }
  return { offset: segment.base, chain: segment.base === 0 ? chainSeed(id) : undefined }
}

function shifted(source: ByteSource, by: number): ByteSource {
  return { size: source.size - by, view: (position, length) => source.view(position + by, length) }
}

/** Parts that the device cannot read stay zeros. */
function copyReadable(from: DiskFile, to: DiskFile, size: number): void {
  const chunk = new Uint8Array(64 * 1024)
  for (let at = 0; at < size; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, size - at))
    try {
      from.read(part, at)
    } catch (error) {
      if (!(error instanceof DiskError) || error.code !== 'EIO') throw error
      part.fill(0)
    }
    to.write(part, at)
  }
}
