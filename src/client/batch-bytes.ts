/**
 * The bytes of a batch, and what they are a view of: a view of that memory itself is made in half the time that one of
 * another view takes.
 */
export class BatchBytes {
  readonly bytes: Uint8Array
  readonly #memory: ArrayBufferLike
  readonly #at: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#memory = bytes.buffer
    this.#at = bytes.byteOffset
  }

  /** From `from` up to `end`, which must be within them. */
  view(from: number, end: number): Uint8Array {
    return new Uint8Array(this.#memory, this.#at + from, end - from)
  }
}
