/**
 * Finds where a MessagePack value ends without building it. It keeps its place between calls, so that a value which
 * arrives in many pieces is looked at once, and it counts instead of nesting, so that depth costs nothing.
 */
export class MsgpackScanner {
  /** The next byte to look at; the end of the value once that is complete. */
  at: number
  /** The least number of bytes, from the start of the input, that the value takes. */
  needed: number
  #pending = 1

  constructor(from: number) {
    this.at = from
    this.needed = from + 1
  }

  /** Looks on in `input[0, end)`, which must begin with what was there before. */
  advance(input: Uint8Array, end: number): 'complete' | 'more' | 'invalid' {
    while (this.#pending > 0) {
      this.needed = this.at + this.#pending
      if (this.needed > end) return 'more'
      const head = input[this.at]!
      if (head === 0xc1) return 'invalid'
      const width = lengthWidth(head)
      if (this.at + 1 + width > end) return 'more'
      let length = 0
      for (let i = 1; i <= width; i += 1) length = length * 0x100 + input[this.at + i]!
      const next = this.at + 1 + width + payloadBytes(head, length)
      const pending = this.#pending - 1 + children(head, length)
      if (next > end) {
        this.needed = next + pending
        return 'more'
      }
      this.at = next
      this.#pending = pending
    }
    return 'complete'
  }
}

/** Bytes of the length or count that follows the head. */
function lengthWidth(head: number): number {
  switch (head) {
    case 0xc4:
    case 0xc7:
    case 0xd9:
      return 1
    case 0xc5:
    case 0xc8:
    case 0xda:
    case 0xdc:
    case 0xde:
      return 2
    case 0xc6:
    case 0xc9:
    case 0xdb:
    case 0xdd:
    case 0xdf:
      return 4
    default:
      return 0
  }
}

/** Bytes that belong to the head itself, after its length. */
function payloadBytes(head: number, length: number): number {
  if (head < 0xa0 || head >= 0xe0) return 0
  if (head <= 0xbf) return head & 0x1f
  if (head <= 0xc3 || head >= 0xdc) return 0
  if (head <= 0xc6) return length
  if (head <= 0xc9) return length + 1
  switch (head) {
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
    case 0xd4:
      return 2
    case 0xd5:
      return 3
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xd6:
      return 5
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    case 0xd7:
      return 9
    case 0xd8:
      return 17
    default:
      return length
  }
}

/** Values that follow as the elements of an array or the keys and values of a map. */
function children(head: number, length: number): number {
  if (head >= 0x80 && head <= 0x8f) return 2 * (head & 0x0f)
  if (head >= 0x90 && head <= 0x9f) return head & 0x0f
  if (head === 0xdc || head === 0xdd) return length
  if (head === 0xde || head === 0xdf) return 2 * length
  return 0
}
