/**
 * Which keys a reader wants: any of some keys, or all that begin with any of some prefixes. Judges a key by two binary
 * searches, however the entries were chosen: nobody can make it slow.
 */

import { compareBytes } from './compare-bytes.ts'

export class KeyFilter {
  /** Sorted; none of them begins with one of the prefixes. */
  readonly #keys: readonly Uint8Array[]
  /** Sorted; none of them begins with another one. */
  readonly #prefixes: readonly Uint8Array[]

  constructor(keys: readonly Uint8Array[], prefixes: readonly Uint8Array[]) {
    // In this order, whatever begins with a prefix stands right behind it, up to the first that does not.
    const shortest: Uint8Array[] = []
    for (const prefix of sorted(prefixes)) {
      const last = shortest.at(-1)
      if (!last || !begins(prefix, 0, prefix.length, last)) shortest.push(prefix)
    }
    this.#prefixes = shortest
    this.#keys = sorted(keys).filter((key) => !this.#hasPrefix(key, 0, key.length))
  }

  /** Whether the key that `bytes` hold from `from` up to `to` is wanted. */
  accepts(bytes: Uint8Array, from: number, to: number): boolean {
    if (this.#hasPrefix(bytes, from, to)) return true
    const key = floor(this.#keys, bytes, from, to)
    return key !== undefined && key.length === to - from && begins(bytes, from, to, key)
  }

  #hasPrefix(bytes: Uint8Array, from: number, to: number): boolean {
    const prefix = floor(this.#prefixes, bytes, from, to)
    return prefix !== undefined && begins(bytes, from, to, prefix)
  }
}

function sorted(all: readonly Uint8Array[]): Uint8Array[] {
  return all.toSorted((a, b) => compareBytes(a, b, 0, b.length))
}

/** The last entry that is not greater than these bytes. */
function floor(entries: readonly Uint8Array[], bytes: Uint8Array, from: number, to: number): Uint8Array | undefined {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareBytes(entries[middle] as Uint8Array, bytes, from, to) <= 0) low = middle + 1
    else high = middle
  }
  return entries[low - 1]
}

function begins(bytes: Uint8Array, from: number, to: number, prefix: Uint8Array): boolean {
  if (prefix.length > to - from) return false
  for (let at = 0; at < prefix.length; at++) if (bytes[from + at] !== prefix[at]) return false
  return true
}
