import type { GrowingFile } from './growing-file.ts'
import type { OpenFiles } from './open-files.ts'
import type { Segment } from './segment.ts'
import { isFull } from './write-error.ts'

/** The file of a segment that is being written; it stays open until it is released. */
export class SegmentFile {
  readonly segment: Segment
  readonly #files: OpenFiles
  readonly #file: GrowingFile
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
    for (;;) {
      try {
        this.#file.write(bytes, this.#bytes)
        this.#bytes += bytes.length
        return undefined
      } catch (error) {
        if (!isFull(error)) throw error
        this.#file.truncate(this.#bytes)
        if (!this.#files.restAll()) return error
      }
    }
  }

  /** Once it is worth it; the segment ends at `maxBytes`. Throws what writing throws. */
  writeAhead(maxBytes: number): void {
    this.#file.writeAhead(maxBytes - this.#bytes)
    if (this.#file.isAhead) this.#files.watch()
  }

  /** Has the file end behind what was written, also after a power cut. Throws what truncating throws, rejects as a sync. */
  cut(): Promise<void> {
    return this.#file.cut(this.#bytes)
  }

  sync(): Promise<void> {
    return this.#file.sync()
  }

  release(): void {
    this.#files.release(this.segment.path)
  }
}
