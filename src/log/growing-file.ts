/**
 * The file of a segment at its growing end. Where small groups follow each other closely, zeros are written ahead of
 * them, with one group in many: the groups that follow change neither the size of the file nor the blocks that it has,
 * and the system has to sync nothing but their bytes, which takes a quarter less time.
 *
 * Zeros behind the last frame are no part of a log. They are given back when the file rests, takes a large group or is
 * closed; those that a crash leaves are cut at the next start. A disk that has no room for them is none that is full.
 *
 * A power cut may keep any part of what is written over zeros, for the file is long enough for all of it. Of one frame
 * that is a torn end; of two, the second alone would look like damage before it. So zeros are cut for good, by a sync,
 * before anything else than one frame at a time is written there.
 */

import type { Clock, DiskFile } from '../env/env.ts'
import { isFull } from './write-error.ts'

/** Of larger groups the sync is the smaller part, and writing as many zeros costs what they save. */
const smallBytes = 32 * 1024

/** Small groups less than `closeMs` apart, so many of them: it will go on like this. */
const followMin = 8
const closeMs = 100

/** The sync of a group that takes so many zeros along is about twice as long. */
const zeros = new Uint8Array(256 * 1024)

export class GrowingFile {
  readonly #file: DiskFile
  readonly #clock: Clock
  /** Behind the last group. */
  #end = 0
  /** Where zeros end that follow it; not behind `#end`: there are none. */
  #zerosEnd = 0
  /** After a power cut there may be zeros behind the last group. */
  #mayHaveZeros: boolean
  /** They were taken away or written over, which a sync makes last. */
  #isCut = false
  #followed = 0
  #lastMs = Number.NEGATIVE_INFINITY

  /** `mayHaveZeros`: what was left of this when the file was open before. */
  constructor(file: DiskFile, clock: Clock, mayHaveZeros = false) {
    this.#file = file
    this.#clock = clock
    this.#mayHaveZeros = mayHaveZeros
  }

  get mayHaveZeros(): boolean {
    return this.#mayHaveZeros
  }

  /** There are zeros to be given back. */
  get isAhead(): boolean {
    return this.#zerosEnd > this.#end
  }

  /** Since the last group. */
  get restedMs(): number {
    return this.#clock.monotonicMs() - this.#lastMs
  }

  /** Throws what writing throws; then a part of the group may be there. */
  write(group: Uint8Array, at: number): void {
    if (group.length > smallBytes) this.rest()
    this.#file.write(group, at)
    this.#end = at + group.length
    if (this.#zerosEnd > 0 && !this.isAhead) {
      this.#zerosEnd = 0
      this.#isCut = true
    }
    this.#followed = group.length <= smallBytes && this.restedMs < closeMs ? this.#followed + 1 : 0
    this.#lastMs = this.#clock.monotonicMs()
  }

  /** Behind the last group, so that its sync covers them: no more than `maxBytes`, where they are worth it. */
  writeAhead(maxBytes: number): void {
    if (this.#followed < followMin || this.isAhead) return
    const ahead = zeros.subarray(0, Math.max(0, maxBytes))
    try {
      this.#mayHaveZeros = true
      this.#isCut = false
      this.#file.write(ahead, this.#end)
      this.#zerosEnd = this.#end + ahead.length
    } catch (error) {
      if (!isFull(error)) throw error
      this.truncate(this.#end)
    }
  }

  truncate(bytes: number): void {
    this.#file.truncate(bytes)
    this.#isCut = true
    this.#end = bytes
    this.#zerosEnd = 0
    this.#followed = 0
  }

  async sync(): Promise<void> {
    const isCut = this.#isCut
    await this.#file.sync()
    if (isCut && this.#isCut) this.#mayHaveZeros = false
  }

  /** Lets the file end at `bytes`, also after a power cut. Throws what truncating throws, rejects as a sync. */
  cut(bytes: number): Promise<void> {
    this.truncate(bytes)
    return this.sync()
  }

  /** Gives the zeros back. Throws `DiskError`. */
  rest(): void {
    if (this.isAhead) this.truncate(this.#end)
  }
}
