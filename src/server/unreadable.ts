/**
 * Of a reading: which of its logs cannot be read where it stands, as what lies there is damaged or the disk fails. They hold
 * back nobody: what other logs have is given first, and then the reading ends with the reason.
 */

import { ReeveError } from '../errors.ts'
import type { Memory } from '../log/memory.ts'
import { readTrack, type Track } from './track.ts'

export class Unreadable {
  readonly #errors = new Map<Track, ReeveError>()

  /** Of the first one. */
  get error(): ReeveError | undefined {
    return this.#errors.size > 0 ? this.#errors.values().next().value : undefined
  }

  has(track: Track): boolean {
    return this.#errors.has(track)
  }

  /** As `readTrack`, but gives nothing of a log that cannot be read, which is one of these from then on until it can. */
  read(track: Track, maxBytes: number, memory?: Memory): Uint8Array {
    try {
      const bytes = readTrack(track, maxBytes, memory)
      if (this.#errors.size > 0) this.#errors.delete(track)
      return bytes
    } catch (error) {
      if (!(error instanceof ReeveError) || (error.code !== 'DATA_CORRUPT' && error.code !== 'DISK_FAILED')) throw error
      this.#errors.set(track, error)
      return new Uint8Array(0)
    }
  }
}
