/**
 * Takes back what was set aside with damage and is not damaged itself: once the frames before it are there again, those
 * that follow by their chain hash belong to the log as they did before. Searches the files of one folder from their
 * first byte on, and asks peers for what is missing between the log's end and the next frame that was found.
 *
 * Never: changes what lies in the folder, but for an empty file that says that nothing more is to be found in it; takes
 * a frame whose predecessor is not known.
 */

import type { Disk, DiskFile } from '../env/env.ts'
import type { ReeveError } from '../errors.ts'
import { segmentFiles } from './data-dir.ts'
import { chainSeed, type FrameHeader } from './frame.ts'
import type { LogId } from './log-id.ts'
import type { Mending, Missing } from './mend.ts'
import { type ByteSource, FrameSearch, type Place, scanFrames, sourceOfBytes, sourceOfFile } from './scan.ts'
import { segmentName } from './segment.ts'

/** A log that gets something back at its end. */
export interface Returning {
  /** `chain` of its last frame; 0n: not known, or there is none. */
  readonly log: { readonly id: LogId; readonly end: number; readonly chain: bigint }
  /** See `Journal.replicate`. */
  replicate(frames: Uint8Array): Promise<number>
}

interface Found {
  readonly header: FrameHeader
  readonly position: number
}

/** In a folder of which all is back, or was never needed. */
const doneName = 'nothing-left'
const windowBytes = 256 * 1024
const takenBytes = 1024 * 1024

export function isDone(disk: Disk, folder: string): boolean {
  return disk.stat(`${folder}/${doneName}`) !== undefined
}

export class SetAsideMend implements Mending {
  readonly #disk: Disk
  readonly #log: Returning['log']
  readonly #replicate: Returning['replicate']
  readonly #folder: string
  /** Those that were not looked at yet; the last one is the next. */
  readonly #bases: number[] = []
  #file: DiskFile | undefined
  #source: ByteSource = sourceOfBytes(new Uint8Array(0))
  #search = new FrameSearch(this.#source)
  /** The next whole frame, which ends behind the log. */
  #found: Found | undefined
  writtenBytes = 0
  readonly isGone = false

  constructor(disk: Disk, { log, replicate }: Returning, folder: string) {
    this.#disk = disk
    this.#log = log
    this.#replicate = replicate
    this.#folder = folder
  }

  get offset(): number {
    return this.#log.end
  }

  async open(): Promise<void> {
    this.#bases.push(...segmentFiles(this.#disk, this.#folder).bases.sort((one, other) => other - one))
  }

  advance(maxBytes = takenBytes): boolean {
    for (let left = maxBytes; left > 0; ) {
      if (this.#found && this.#found.header.endOffset > this.#log.end) return false
      this.#found = undefined
      const before = this.#search.position
      const position = this.#search.next(left)
      left -= Math.max(this.#search.position - before, 1)
      if (position !== undefined) this.#found = this.#frameAt(position)
      else if (this.#search.isOver && !this.#nextFile()) return false
    }
    return true
  }

  get missing(): Missing | undefined {
    if (!this.#found) return undefined
    const { baseOffset, endOffset } = this.#found.header
    const { offset, chain } = this.#place
    return { offset, chain, until: baseOffset > offset ? baseOffset : endOffset }
  }

  async rescue(): Promise<boolean> {
    const { position, header } = this.#found as Found
    if (header.baseOffset > this.#log.end || this.#place.chain === undefined) return false
    const size = Math.min(Math.max(takenBytes, header.bytes), this.#source.size - position)
    const bytes = this.#source.view(position, size).slice()
    const good = follows(bytes, this.#place)
    this.#found = undefined
    if (good === 0) {
      // What looks like a frame of this log is none: somebody's record, mostly.
      this.#search.position = position + 1
      return true
    }
    this.#search.position = position + good
    await this.take(bytes.subarray(0, good))
    return true
  }

  async take(frames: Uint8Array): Promise<void> {
    await this.#replicate(frames)
    this.writtenBytes += frames.length
  }

  refused(_error: ReeveError): void {}

  /** Who has what is missing may come at any time. */
  settle(): boolean {
    return false
  }

  async finish(): Promise<void> {
    this.#disk.open(`${this.#folder}/${doneName}`, 'write').close()
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  /** `chain` undefined: nothing can be held against it. */
  get #place(): Place {
    const { id, end, chain } = this.#log
    if (end === 0) return { offset: 0, chain: chainSeed(id) }
    return { offset: end, chain: chain === 0n ? undefined : chain }
  }

  /** Undefined where it is of no use: the search goes on behind it. */
  #frameAt(position: number): Found | undefined {
    const { header } = this.#search
    const nextBase = this.#bases.at(-1) ?? Number.POSITIVE_INFINITY
    const isOurs = header !== undefined && header.baseOffset < nextBase
    if (isOurs && header.endOffset > this.#log.end) return { header, position }
    this.#search.position = position + (isOurs ? header.bytes : 1)
    return undefined
  }

  #nextFile(): boolean {
    const base = this.#bases.pop()
    this.close()
    if (base === undefined) return false
    this.#file = this.#disk.open(`${this.#folder}/${segmentName(base)}`, 'read')
    this.#source = sourceOfFile(this.#file, this.#file.size(), windowBytes)
    this.#search = new FrameSearch(this.#source)
    return true
  }
}

/** How many of these bytes are frames that belong at this place. */
function follows(bytes: Uint8Array, place: Place): number {
  let good = 0
  for (const { position, bytes: length } of scanFrames(sourceOfBytes(bytes), place)) good = position + length
  return good
}
