/** Where bytes go that are read. */
export interface Memory {
  take(bytes: number): Uint8Array
}

/** To be kept by whoever asks. */
export const fresh: Memory = { take: (bytes) => new Uint8Array(bytes) }

/**
 * Used again and again, by whoever is done with all it took before it calls `again`: fresh memory for every read costs as
 * much as the read, for it is cleared first and collected later. What does not fit is fresh.
 */
export class ReusedMemory implements Memory {
  readonly #bytes: Uint8Array
  #used = 0

  constructor(bytes: number) {
    this.#bytes = new Uint8Array(bytes)
  }

  take(bytes: number): Uint8Array {
    const end = this.#used + bytes
    if (end > this.#bytes.length) return new Uint8Array(bytes)
    const taken = this.#bytes.subarray(this.#used, end)
    this.#used = end
    return taken
  }

  again(): void {
    this.#used = 0
  }
}
