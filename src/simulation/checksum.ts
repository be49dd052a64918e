/** 32 bits over bytes, for traces and for what records say: fast above all for the few bytes that most of them have. */

import { xxh32 } from '@node-rs/xxhash'

/** From here on a call into native code costs less than a loop here. */
const nativeFrom = 256

/**
 * The same for the same bytes of `from … to - 1` and the same seed, wherever they lie. Of few bytes it is what Austin
 * Appleby's MurmurHash3 for 32 bits says.
 */
export function checksum(bytes: Uint8Array, seed = 0, from = 0, to = bytes.length): number {
  if (to - from >= nativeFrom) return xxh32(bytes.subarray(from, to), seed)
  let hash = seed | 0
  let at = from
  for (; at + 4 <= to; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash ^= mixed(word)
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64
  }
  let tail = 0
  for (let shift = 0; at < to; at++, shift += 8) tail |= bytes[at]! << shift
  hash ^= mixed(tail) ^ (to - from)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mixed(word: number): number {
  const spread = Math.imul(word, 0xcc9e2d51)
  return Math.imul((spread << 15) | (spread >>> 17), 0x1b873593)
}
