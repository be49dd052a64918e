/**
 * The segment that one log grows at, and its file: opened when something is to be written, and open until it is
 * released. Owns which segment that is, from before the log's list has it. Never decides what an error means to those
 * who wait: only whether nothing has happened on the disk, or nobody knows.
 */

import { finishSegment } from './finish-segment.ts'
import type { LogEnd, LogWorld } from './log-world.ts'
import { Segment } from './segment.ts'
import { SegmentFile } from './segment-file.ts'
import { removeEmpty } from './write-error.ts'
import type { WriteGroup } from './write-group.ts'

export class ActiveSegment {
  readonly #world: LogWorld
  readonly #log: LogEnd
  #file: SegmentFile | undefined

  constructor(world: LogWorld, log: LogEnd) {
    this.#world = world
    this.#log = log
  }

  /** Undefined: no file is in use. */
  get segment(): Segment | undefined {
    return this.#file?.segment
  }

  /** See `GrowingFile`. */
  get mayHaveZeros(): boolean {
    const last = this.#file?.segment ?? this.#log.segments.at(-1)
    return last !== undefined && this.#world.files.mayHaveZeros(last.path)
  }

  /** Makes the file, by opening it. Throws where it cannot be made; rejects as `finishSegment` of the one before. */
  begin(offset: number): Promise<void> {
    const { files, settings } = this.#world
    const { segments, folder } = this.#log
    this.release()
    const last = segments.at(-1)
    // Where everything was trimmed the log ends with the bound of that.
    const bound = last?.base === offset ? last : undefined
    if (!last) this.#log.makeFolder()
    const segment = bound ?? new Segment(folder, offset, settings.indexIntervalBytes)
    this.#file = new SegmentFile(files, segment)
    return finishSegment(this.#world, this.#log)
  }

  /** Gives the error where nothing was written, throws where nobody knows. What could not be begun leaves no file. */
  append(group: WriteGroup): unknown {
    let file: SegmentFile
    try {
      file = this.#open()
    } catch (error) {
      return error
    }
    const refusal = file.append(group.bytes)
    if (refusal !== undefined && group.beginsSegment) this.#removeBegun()
    return refusal
  }

  /** See `SegmentFile.writeAhead`. */
  writeAhead(): void {
    this.#file?.writeAhead(this.#log.topic.rules.segmentMaxBytes)
  }

  /** See `SegmentFile.cut`; throws also what opening throws. */
  cut(): Promise<void> {
    return this.#open().cut()
  }

  sync(): Promise<void> | undefined {
    return this.#file?.sync()
  }

  release(): void {
    this.#file?.release()
    this.#file = undefined
  }

  #open(): SegmentFile {
    this.#file ??= new SegmentFile(this.#world.files, this.#log.segments.at(-1) as Segment)
    return this.#file
  }

  #removeBegun(): void {
    const segment = this.#file?.segment
    this.release()
    if (segment && segment !== this.#log.segments.at(-1)) removeEmpty(this.#world, segment.path)
  }
}
