/**
 * Memory in which frames are gathered on their way to a disk: of a few sizes, used again and again, so that it stays
 * warm. A log holds some only while something of it waits to be written.
 */

const smallBytes = 64 * 1024

/** What is kept of each size, at most. */
const keptBytes = 8 * 1024 * 1024

export class WriteBuffers {
  readonly #largeBytes: number
  readonly #free = new Map<number, Uint8Array[]>()

  /** `largeBytes`: of a usual group of a busy log; what is larger is not kept. */
  constructor(largeBytes: number) {
    this.#largeBytes = largeBytes
  }

  take(atLeastBytes: number): Uint8Array {
    const bytes = atLeastBytes <= smallBytes ? smallBytes : Math.max(atLeastBytes, this.#largeBytes)
    return this.#free.get(bytes)?.pop() ?? new Uint8Array(bytes)
  }

  give(buffer: Uint8Array): void {
    if (buffer.length !== smallBytes && buffer.length !== this.#largeBytes) return
    const free = this.#free.get(buffer.length)
    if (!free) this.#free.set(buffer.length, [buffer])
    else if (free.length * buffer.length < keptBytes) free.push(buffer)
  }
}
