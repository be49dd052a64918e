/**
 * LZW with 8-bit literals, codes of 9 to 12 bits, least significant bit first: the dialect of Go's `compress/lzw`,
 * whose output the encoder reproduces byte for byte.
 *
 * Code 256 clears the table, 257 ends the stream, entries begin at 258. `newest` below is the number of the entry that
 * was made last; 257 stands for none.
 */

import type { Decoded } from '../decoded.ts'

const clearCode = 256
const endCode = 257
const minWidth = 9
const maxWidth = 12
const tableSize = 1 << maxWidth
/** The encoder starts over when its newest entry gets this number. */
const lastCode = tableSize - 1

// --- encoder ---------------------------------------------------------------------------------------------------------

// An open hash of prefix code and next byte to their own code: 20 bits of key above 12 bits of value, 0 for free.
const hashSlots = 1 << 13
const hash = new Uint32Array(hashSlots)

/** Codes as bits, the least significant first. */
class CodeWriter {
  readonly #bytes: Uint8Array
  #length = 0
  #held = 0
  #heldBits = 0

  constructor(maxBytes: number) {
    this.#bytes = new Uint8Array(maxBytes)
  }

  put(code: number, width: number): void {
    let held = this.#held | (code << this.#heldBits)
    let heldBits = this.#heldBits + width
    for (; heldBits >= 8; heldBits -= 8) {
      this.#bytes[this.#length++] = held & 0xff
      held >>>= 8
    }
    this.#held = held
    this.#heldBits = heldBits
  }

  finish(): Uint8Array {
    if (this.#heldBits > 0) this.#bytes[this.#length++] = this.#held
    return this.#bytes.slice(0, this.#length)
  }
}

export function compressLzw(plain: Uint8Array): Uint8Array {
  // A data code of at most 12 bits for each byte, a clear code for each 3838 of them, and the two at the ends.
  const out = new CodeWriter(Math.ceil(plain.length * 1.5) + Math.ceil(plain.length / 1024) + 8)
  let width = minWidth
  let newest = endCode
  hash.fill(0)
  out.put(clearCode, width)
  if (plain.length > 0) {
    let prefix = plain[0]!
    // One step behind the last byte: the code in hand makes an entry, too, which may change the width of the end code.
    for (let i = 1; i <= plain.length; i += 1) {
      const byte = plain[i] ?? 0
      const key = (prefix << 8) | byte
      const slot = slotOf(key)
      const entry = hash[slot]!
      if (entry !== 0 && i < plain.length) {
        prefix = entry & 0xfff
        continue
      }
      out.put(prefix, width)
      prefix = byte
      newest += 1
      if (newest === 1 << width) width += 1
      if (newest < lastCode) {
        hash[slot] = ((key << 12) | newest) >>> 0
        continue
      }
      out.put(clearCode, width)
      width = minWidth
      newest = endCode
      hash.fill(0)
    }
  }
  out.put(endCode, width)
  return out.finish()
}

/** Where the entry of this key is, or where it belongs. */
function slotOf(key: number): number {
  let slot = Math.imul(key, 0x9e37_79b1) >>> 19
  for (let entry = hash[slot]!; entry !== 0 && entry >>> 12 !== key; entry = hash[slot]!) {
    slot = (slot + 1) & (hashSlots - 1)
  }
  return slot
}

// --- decoder ---------------------------------------------------------------------------------------------------------

// Entry n is `lengths[n]` bytes of the output from `starts[n]` on: the code before it, and the byte after that. Every
// entry up to the newest was written since the last clear code, so nothing is left over from an earlier call.
const starts = new Uint32Array(tableSize)
const lengths = new Uint16Array(tableSize)

/** Accepts streams with and without a leading clear code; ignores what follows the end code. */
export function expandLzw(packed: Uint8Array, maxBytes: number): Decoded<Uint8Array> {
  let out = new Uint8Array(Math.min(maxBytes, Math.max(256, packed.length * 4)))
  let length = 0
  let at = 0
  let held = 0
  let heldBits = 0
  let width = minWidth
  let newest = endCode
  /** Bytes of the last code; 0 where it makes no entry. */
  let previous = 0

  for (;;) {
    while (heldBits < width) {
      if (at === packed.length) return { ok: false, problem: 'LZW: truncated' }
      held |= packed[at++]! << heldBits
      heldBits += 8
    }
    const code = held & ((1 << width) - 1)
    held >>>= width
    heldBits -= width

    if (code === endCode) return { ok: true, value: out.subarray(0, length) }
    if (code === clearCode) {
      width = minWidth
      newest = endCode
      previous = 0
      continue
    }
    if (code > newest) return { ok: false, problem: 'LZW: unknown code' }

    // The newest entry ends with the first byte of this very code, which may be that entry itself.
    if (previous > 0) {
      starts[newest] = length - previous
      lengths[newest] = previous + 1
    }
    const added = code < clearCode ? 1 : lengths[code]!
    if (length + added > maxBytes) return { ok: false, problem: `LZW: more than ${maxBytes} bytes` }
    if (length + added > out.length) out = enlarged(out, length, length + added, maxBytes)
    if (code < clearCode) {
      out[length] = code
    } else {
      // One by one and forward: an entry may reach into the bytes that are being written.
      const start = starts[code]!
      for (let i = 0; i < added; i += 1) out[length + i] = out[start + i]!
    }
    length += added
    previous = added
    newest += 1
    if (newest === 1 << width) {
      if (width < maxWidth) {
        width += 1
      } else {
        // The table is full: no more entries until a clear code.
        newest = lastCode
        previous = 0
      }
    }
  }
}

function enlarged(out: Uint8Array, length: number, needed: number, maxBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, out.length * 2)))
  larger.set(out.subarray(0, length))
  return larger
}
