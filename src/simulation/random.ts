/**
 * Seeded chance. One generator a concern and a node (`new SeededRandom(seed, 'network/a>b')`), so that one more draw in
 * one place never shifts what another place draws.
 */

import type { Random } from '../env/env.ts'

/** Bob Jenkins' "small fast chaotic" generator, sfc32 of PractRand: 128 bits of state, period of at least 2^32. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #d: number

  /** `seed`: any safe integer. `stream`: names the concern; different names give unrelated sequences. */
  constructor(seed: number, stream: string) {
    const next = splitmix32(fnv1a(stream) ^ (seed >>> 0))
    this.#a = next()
    this.#b = next() ^ fnv1a(`${stream}/${seed}`)
    this.#c = next() ^ Math.floor(seed / 2 ** 32)
    this.#d = 1
    // The author's advice: the first outputs still show the seed.
    for (let round = 0; round < 15; round++) this.u32()
  }

  /** Uniform in 0 … 2^32 - 1. */
  u32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  fraction(): number {
    return ((this.u32() >>> 5) * 2 ** 26 + (this.u32() >>> 6)) / 2 ** 53
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count; at += 4) {
      const word = this.u32()
      for (let index = 0; index < 4 && at + index < count; index++) bytes[at + index] = word >>> (index * 8)
    }
    return bytes
  }

  /** True with this probability. Draws nothing for 0 and 1, the usual cases of a calm network. */
  chance(probability: number): boolean {
    if (probability <= 0) return false
    return probability >= 1 || this.fraction() < probability
  }

  between(min: number, max: number): number {
    return min + this.fraction() * (max - min)
  }

  /** Uniform in min … max, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1))
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(0, items.length - 1)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = this.integer(0, last)
      ;[shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!]
    }
    return shuffled
  }
}

/** 32-bit FNV-1a over UTF-16 code units, http://www.isthe.com/chongo/tech/comp/fnv/ */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** Spreads one word of seed over many; after Steele, Lea and Flood's SplitMix with a 32-bit mixer. */
function splitmix32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let word = state ^ (state >>> 16)
    word = Math.imul(word, 0x21f0aaad)
    word ^= word >>> 15
    word = Math.imul(word, 0x735a2d97)
    return (word ^ (word >>> 15)) >>> 0
  }
}
