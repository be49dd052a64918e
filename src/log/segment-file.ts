import type { DiskFile } from '../env/env.ts'
import type { OpenFiles } from './open-files.ts'
import type { Segment } from './segment.ts'
import { isFull } from './write-error.ts'

/** The file of a segment that is being written; it stays open until it is released. */
export class SegmentFile {
  readonly segment: Segment
  readonly #files: OpenFiles
  readonly #file: DiskFile
  /** What was written, visible or not. */
  #bytes: number

  /** Made when it is missing. Throws what opening it throws. */
  constructor(files: OpenFiles, segment: Segment) {
    this.segment = segment
    this.#files = files
    this.#file = files.writing(segment.path)
    this.#bytes = segment.bytes
  }

  /** Gives the error where the disk is full; then nothing was written. Throws any other, and where undoing fails. */
  append(bytes: Uint8Array): unknown {
    try {
      this.#file.write(bytes, this.#bytes)
    } catch (error) {
      if (!isFull(error)) throw error
      this.#file.truncate(this.#bytes)
      return error
    }
    this.#bytes += bytes.length
    return undefined
  }

  /**
   * Leaves what is visible. What a sync that failed should have covered reads well for as long as the system caches it,
   * and may be gone after the next power cut: the next run must not take it for stored.
   */
  cut(): void {
    try {
      this.#file.truncate(this.segment.bytes)
    } catch {
      // A disk that takes this no more either: the next run sees what there is.
    }
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  release(): void {
    this.#files.release(this.segment.path)
  }
}
