/**
 * gRPC's length-prefixed messages: one flag byte, four bytes of length (big endian), the message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 *
 * Owns the cutting of DATA chunks into messages and the joining of messages into chunks. Knows no sockets; never
 * takes memory for more than a few times what has arrived of a message, whatever length was announced, unless told to.
 */

import { framedHeadBytes, writeFramedHead } from '../../framed.ts'

const headerBytes = framedHeadBytes
/**
 * The first buffer of a message that does not fit one chunk, in sizes of that chunk: with HTTP/2's frames of 16 KiB it
 * holds a usual batch, so that it rarely grows.
 */
const firstBufferChunks = 16
/** Messages up to here are copied behind each other into one chunk; larger ones are handed on uncopied. */
const copyMaxBytes = 16 * 1024

export type FrameFailure = 'compressed' | 'flagsUnknown' | 'tooLarge'

const nothing = new Uint8Array(0)

/** Push chunks, pull messages: whoever pulls may stop in the middle of a chunk and go on later. */
export class FrameReader {
  /** Set once the bytes cannot be messages; nothing is read from then on. */
  failure: FrameFailure | undefined
  /** Announced size of the message that was too large. */
  refusedBytes = 0
  readonly #maxMessageBytes: number
  readonly #trustedBytes: number
  #chunk: Uint8Array = nothing
  #at = 0
  /** Of a header that came in pieces. */
  #header: Uint8Array | undefined
  #headerFilled = 0
  /** Length of the message being read; -1 while in a header. */
  #length = -1
  #body: Uint8Array | undefined
  #bodyFilled = 0

  /** `trustedBytes`: who sends is believed that a message of that size will come as a whole. */
  constructor(maxMessageBytes: number, trustedBytes = 0) {
    this.#maxMessageBytes = maxMessageBytes
    this.#trustedBytes = trustedBytes
  }

  push(chunk: Uint8Array): void {
    const rest = this.#chunk.length - this.#at
    if (rest === 0) this.#chunk = chunk
    else {
      const joined = new Uint8Array(rest + chunk.length)
      joined.set(this.#chunk.subarray(this.#at))
      joined.set(chunk, rest)
      this.#chunk = joined
    }
    this.#at = 0
  }

  /**
   * The next whole message, or undefined: push more, or see `failure`. A message that came within one chunk is a view
   * of it: copy what is kept for long.
   */
  next(): Uint8Array | undefined {
    if (this.failure !== undefined) return undefined
    if (this.#length < 0 && !this.#readHeader()) return undefined
    const chunk = this.#chunk
    const at = this.#at
    const length = this.#length
    if (this.#bodyFilled === 0 && chunk.length - at >= length) {
      this.#at = at + length
      this.#length = -1
      return new Uint8Array(chunk.buffer, chunk.byteOffset + at, length)
    }
    return this.#gather()
  }

  /** True between messages: the only place where a stream may end. */
  get atBoundary(): boolean {
    return this.#length < 0 && this.#headerFilled === 0 && this.#at === this.#chunk.length
  }

  #readHeader(): boolean {
    const chunk = this.#chunk
    let at = this.#at
    let header = chunk
    if (this.#headerFilled === 0 && chunk.length - at >= headerBytes) {
      this.#at = at + headerBytes
    } else {
      this.#header ??= new Uint8Array(headerBytes)
      header = this.#header
      while (this.#headerFilled < headerBytes && at < chunk.length) header[this.#headerFilled++] = chunk[at++]!
      this.#at = at
      if (this.#headerFilled < headerBytes) return false
      this.#headerFilled = 0
      at = 0
    }
    const flags = header[at]!
    const length = header[at + 1]! * 0x1000000 + (header[at + 2]! << 16) + (header[at + 3]! << 8) + header[at + 4]!
    if (flags !== 0) this.failure = flags === 1 ? 'compressed' : 'flagsUnknown'
    else if (length > this.#maxMessageBytes) {
      this.failure = 'tooLarge'
      this.refusedBytes = length
    }
    this.#length = length
    return this.failure === undefined
  }

  #gather(): Uint8Array | undefined {
    const length = this.#length
    const part = this.#chunk.subarray(this.#at, this.#at + length - this.#bodyFilled)
    const filled = this.#bodyFilled + part.length
    let body = this.#body
    if (body === undefined || body.length < filled) {
      const wanted = Math.max((body === undefined ? firstBufferChunks : 2) * filled, this.#trustedBytes)
      const grown = new Uint8Array(Math.min(length, wanted))
      if (body !== undefined) grown.set(body.subarray(0, this.#bodyFilled))
      body = grown
    }
    body.set(part, this.#bodyFilled)
    this.#at += part.length
    if (filled < length) {
      this.#body = body
      this.#bodyFilled = filled
      return undefined
    }
    this.#body = undefined
    this.#bodyFilled = 0
    this.#length = -1
    return body.length === length ? body : body.subarray(0, length)
  }
}

/** The messages as chunks to write, in order: small ones joined, large ones by reference behind their header. */
export function frameMessages(messages: readonly Uint8Array[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let first = 0; first < messages.length; ) {
    let bytes = 0
    let end = first
    let large: Uint8Array | undefined
    for (; end < messages.length && large === undefined; end++) {
      const message = messages[end]!
      bytes += headerBytes
      if (message.length > copyMaxBytes) large = message
      else bytes += message.length
    }
    const chunk = Buffer.allocUnsafe(bytes)
    let at = 0
    for (let index = first; index < end; index++) {
      const message = messages[index]!
      at = writeFramedHead(chunk, at, message.length)
      if (message !== large) {
        chunk.set(message, at)
        at += message.length
      }
    }
    chunks.push(chunk)
    if (large !== undefined) chunks.push(large)
    first = end
  }
  return chunks
}
