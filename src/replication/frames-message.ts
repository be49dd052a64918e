/**
 * The two messages of the pull stream that go with every commit, by hand: frames without a copy on arrival, and what was
 * synced. Equal to what the generated code makes and reads; anything unusual is left to that.
 */

import { unwritten } from '../unwritten.ts'
import { bytesTag, fieldSize, varintFieldSize, writeField, writeVarint, writeVarintField } from '../wire.ts'

/** `PullResponse.frames`, and `PullRequest.synced`. */
const framesTag = bytesTag(3)
const syncedTag = bytesTag(4)
const refTag = 1 << 3
const endTag = 2 << 3
const contentTag = bytesTag(2)
const logsTag = bytesTag(1)

/** A `PullResponse` with whole frames. */
export function encodeFrames(ref: number, frames: Uint8Array): Uint8Array {
  const size = varintFieldSize(ref) + fieldSize(frames.length)
  const message = unwritten(fieldSize(size))
  message[0] = framesTag
  let at = writeVarint(message, 1, size)
  at = writeVarintField(message, at, 1, ref)
  writeField(message, at, 2, frames)
  return message
}

/** Undefined where that is not what the message is, as far as can be told at once. The frames share its memory. */
export function decodeFrames(message: Uint8Array): { ref: number; frames: Uint8Array } | undefined {
  const scan = new Scan(message)
  if (!scan.tag(framesTag) || scan.varint() !== message.length - scan.at || !scan.tag(refTag)) return undefined
  const ref = scan.uint32()
  if (ref === undefined || !scan.tag(contentTag) || scan.varint() !== message.length - scan.at) return undefined
  return { ref, frames: message.subarray(scan.at) }
}

/** A `PullRequest` that says how far one log was synced. `end` is not 0. */
export function encodeSynced(ref: number, end: number): Uint8Array {
  const size = varintFieldSize(ref) + varintFieldSize(end)
  const message = new Uint8Array(fieldSize(fieldSize(size)))
  message[0] = syncedTag
  let at = writeVarint(message, 1, fieldSize(size))
  message[at] = logsTag
  at = writeVarint(message, at + 1, size)
  at = writeVarintField(message, at, 1, ref)
  writeVarintField(message, at, 2, end)
  return message
}

/** The same as `decodeFrames`, of what `encodeSynced` makes. */
export function decodeSynced(message: Uint8Array): { ref: number; end: number } | undefined {
  const scan = new Scan(message)
  if (!scan.tag(syncedTag) || scan.varint() !== message.length - scan.at) return undefined
  if (!scan.tag(logsTag) || scan.varint() !== message.length - scan.at || !scan.tag(refTag)) return undefined
  const ref = scan.uint32()
  if (ref === undefined || !scan.tag(endTag)) return undefined
  const end = scan.varint()
  return end === undefined || scan.at !== message.length ? undefined : { ref, end }
}

class Scan {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  tag(expected: number): boolean {
    return this.#bytes[this.at++] === expected
  }

  uint32(): number | undefined {
    const value = this.varint()
    return value === undefined || value > 0xffff_ffff ? undefined : value
  }

  /** A safe integer in as few bytes as it takes, or undefined. */
  varint(): number | undefined {
    let value = 0
    for (let factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) return undefined
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : undefined
    }
    return undefined
  }
}
