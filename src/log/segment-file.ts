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

  sync(): Promise<void> {
    return this.#file.sync()
  }

  release(): void {
    this.#files.release(this.segment.path)
  }
}
