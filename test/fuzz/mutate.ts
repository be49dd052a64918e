/** Inputs for a fuzzer: recorded ones, damaged the ways that break parsers. All by one seeded source of chance. */

/** Bytes that lengths, counts and type tags turn on: borders of one, two and four bytes, heads of MessagePack, varints. */
const telling = [0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xca, 0xcb, 0xcf, 0xd3]
const tellingMore = [0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xf4, 0xff]
const bytes = [...telling, ...tellingMore]
const maxLength = 4096

export class Mutator {
  readonly #random: () => number
  readonly #corpus: readonly Uint8Array[]

  /** `random`: uniform in [0, 1). */
  constructor(corpus: readonly Uint8Array[], random: () => number) {
    this.#corpus = corpus
    this.#random = random
  }

  next(): Uint8Array {
    if (this.#below(50) === 0) return this.#noise(this.#below(64))
    let input: Uint8Array = this.#pick(this.#corpus).slice(0, maxLength)
    for (let steps = 1 + this.#below(4); steps > 0; steps -= 1) input = this.#damage(input)
    return input
  }

  #damage(input: Uint8Array): Uint8Array {
    if (input.length === 0) return this.#noise(1 + this.#below(8))
    const at = this.#below(input.length)
    switch (this.#below(9)) {
      case 0:
        input[at] = (input[at] as number) ^ (1 << this.#below(8))
        return input
      case 1:
        input[at] = this.#pick(bytes)
        return input
      case 2:
        input[at] = ((input[at] as number) + (this.#below(2) === 0 ? 1 : 255)) & 0xff
        return input
      case 3:
        return input.subarray(0, at)
      case 4:
        return joined(input.subarray(0, at), this.#noise(1 + this.#below(6)), input.subarray(at))
      case 5:
        return joined(input.subarray(0, at), input.subarray(Math.min(input.length, at + 1 + this.#below(8))))
      case 6: {
        // A piece of it again: nested layers, doubled keys, lists longer than they say.
        const end = Math.min(input.length, at + 1 + this.#below(32))
        return joined(input.subarray(0, end), input.subarray(at, end), input.subarray(end))
      }
      case 7: {
        const other = this.#pick(this.#corpus)
        return joined(input.subarray(0, at), other.subarray(this.#below(other.length + 1)))
      }
      default: {
        // Four bytes at once: lengths and counts.
        const value = this.#pick([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, input.length])
        for (let i = 0; i < 4 && at + i < input.length; i += 1) input[at + i] = (value >>> (24 - 8 * i)) & 0xff
        return input
      }
    }
  }

  #noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => (this.#below(3) === 0 ? this.#pick(bytes) : this.#below(256)))
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)] as T
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(
    Math.min(
      maxLength,
      parts.reduce((sum, { length }) => sum + length, 0),
    ),
  )
  let at = 0
  for (const part of parts) {
    const fitting = part.subarray(0, whole.length - at)
    whole.set(fitting, at)
    at += fitting.length
  }
  return whole
}
