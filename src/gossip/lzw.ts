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

// In two small loops, as a process that has just started spends more on compiling one large one than on running it.

// An open hash of prefix code and next byte to their own code: 20 bits of key above 12 bits of value, 0 for free.
const hashSlots = 1 << 13
const hash = new Int32Array(hashSlots)

export function compressLzw(plain: Uint8Array): Uint8Array {
  return packCodes(codesOf(plain))
}

/** The two codes at the ends included. */
function codesOf(plain: Uint8Array): Uint16Array {
  // A data code for each byte at most, a clear code for each 3838 of them, and the two at the ends.
  const codes = new Uint16Array(plain.length + Math.ceil(plain.length / 2048) + 2)
  codes[0] = clearCode
  let count = 1
  let newest = endCode
  hash.fill(0)
  let prefix = plain.length > 0 ? plain[0]! : endCode
  for (let i = 1; i < plain.length; i += 1) {
    const key = (prefix << 8) | plain[i]!
    let slot = Math.imul(key, 0x9e37_79b1) >>> 19
    let entry = hash[slot]!
    while (entry !== 0 && entry >>> 12 !== key) {
      slot = (slot + 1) & (hashSlots - 1)
      entry = hash[slot]!
    }
    if (entry !== 0) {
      prefix = entry & 0xfff
      continue
    }
    codes[count++] = prefix
    prefix = key & 0xff
    newest += 1
    if (newest < lastCode) {
      hash[slot] = (key << 12) | newest
    } else {
      codes[count++] = clearCode
      newest = endCode
      hash.fill(0)
    }
  }
  codes[count++] = prefix
  // The code in hand makes an entry, too, though none that is used.
  if (newest + 1 === lastCode && prefix !== endCode) codes[count++] = clearCode
  if (prefix !== endCode) codes[count++] = endCode
  return codes.subarray(0, count)
}

/** As bits, the least significant first; each data code makes an entry, which may change the width of the next code. */
function packCodes(codes: Uint16Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil((codes.length * maxWidth) / 8))
  let length = 0
  let held = 0
  let heldBits = 0
  let width = minWidth
  let newest = endCode
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i]!
    held |= code << heldBits
    heldBits += width
    while (heldBits >= 8) {
      packed[length++] = held
      held >>>= 8
      heldBits -= 8
    }
    if (code === clearCode) {
      width = minWidth
      newest = endCode
    } else {
      newest += 1
      if (newest === 1 << width) width += 1
    }
  }
  if (heldBits > 0) packed[length++] = held
  return packed.subarray(0, length)
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
