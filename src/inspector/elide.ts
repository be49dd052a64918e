/** What is not shown, as its size and hash. */

import { xxh64 } from '@node-rs/xxhash'
import type { Elided } from './record.ts'

/** What a value would take as JSON (a byte array: as it is). Never throws: what has no JSON is nothing. */
export function elide(value: unknown): Elided {
  const bytes = value instanceof Uint8Array ? value : new TextEncoder().encode(jsonOf(value))
  return { bytes: bytes.length, hash: xxh64(bytes).toString(16).padStart(16, '0') }
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? String(part) : part)) ?? ''
  } catch {
    return ''
  }
}
