/**
 * Text on the gossip wire is bytes that are usually UTF-8. Every byte that is not part of valid UTF-8 becomes one lone
 * surrogate U+DC80–U+DCFF (PEP 383), so that what was read is written again as exactly the same bytes.
 */

// Joining single characters would make a rope of millions of pieces out of one hostile name; for a short one it is
// the fastest way.
const shortBytes = 32
const units = new Uint16Array(1024)

/** Text of `bytes[from, to)`; never fails. */
export function textFromBytes(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = ''
  let at = from
  if (to - from <= shortBytes) {
    while (at < to && bytes[at]! < 0x80) text += String.fromCharCode(bytes[at++]!)
  }
  while (at < to) {
    let count = 0
    while (at < to && count < units.length - 1) {
      const first = bytes[at]!
      const length = first < 0x80 ? 1 : sequenceLength(bytes, at, to)
      if (length === 0) {
        units[count++] = 0xdc00 + first
        at += 1
        continue
      }
      let point = length === 1 ? first : first & (0x7f >> length)
      for (let i = 1; i < length; i += 1) point = (point << 6) | (bytes[at + i]! & 0x3f)
      if (point > 0xffff) {
        units[count++] = 0xd7c0 + (point >> 10)
        units[count++] = 0xdc00 | (point & 0x3ff)
      } else units[count++] = point
      at += length
    }
    text += String.fromCharCode.apply(null, units.subarray(0, count) as unknown as number[])
  }
  return text
}

/** Bytes of the well-formed sequence of two to four bytes at `at`, by the table of RFC 3629; 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number, to: number): number {
  const first = bytes[at]!
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (length === 0 || at + length > to) return 0
  const second = bytes[at + 1]!
  // Overlong forms, UTF-16 surrogates and code points above U+10FFFF show in the second byte.
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i = 2; i < length; i += 1) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  return length
}

/** How many bytes `textToBytes` makes. */
export function textLength(text: string): number {
  let length = 0
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) length += 1
    else if (unit < 0x800) length += 2
    else if (isPair(text, i)) {
      length += 4
      i += 1
    } else length += isEscape(unit) ? 1 : 3
  }
  return length
}

/** Writes the text at `at`; the room must be there. A surrogate that stands for no byte becomes U+FFFD. */
export function writeText(text: string, target: Uint8Array, at: number): void {
  let end = at
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      target[end++] = unit
    } else if (unit < 0x800) {
      target[end++] = 0xc0 | (unit >> 6)
      target[end++] = 0x80 | (unit & 0x3f)
    } else if (isPair(text, i)) {
      const point = text.codePointAt(i)!
      i += 1
      target[end++] = 0xf0 | (point >> 18)
      target[end++] = 0x80 | ((point >> 12) & 0x3f)
      target[end++] = 0x80 | ((point >> 6) & 0x3f)
      target[end++] = 0x80 | (point & 0x3f)
    } else if (isEscape(unit)) {
      target[end++] = unit - 0xdc00
    } else {
      const known = unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit
      target[end++] = 0xe0 | (known >> 12)
      target[end++] = 0x80 | ((known >> 6) & 0x3f)
      target[end++] = 0x80 | (known & 0x3f)
    }
  }
}

export function textToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(textLength(text))
  writeText(text, bytes, 0)
  return bytes
}

function isEscape(unit: number): boolean {
  return unit >= 0xdc80 && unit <= 0xdcff
}

function isPair(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00
}
