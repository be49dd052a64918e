/**
 * What must hold for every input of a fuzzed codec: a typed outcome, whatever the bytes; and what was accepted is
 * written to bytes that read as the same and are written the same again.
 */

import assert from 'node:assert/strict'
import { ReeveError } from '../../src/errors.ts'

export interface FuzzCodec {
  /** Sound inputs to begin with. */
  readonly corpus: readonly Uint8Array[]
  /** Whether the input was accepted; throws, or rejects with, what no outcome may be. */
  readonly accepts: (input: Uint8Array) => boolean | Promise<boolean>
}

/** A parser that gives results: what it accepts is the same after writing and reading it again. */
export function stable<T>(
  decode: (input: Uint8Array) => { ok: true; value: T } | { ok: false; problem: string },
  encode: (value: T) => Uint8Array,
): (input: Uint8Array) => boolean {
  return (input) => {
    const decoded = decode(input)
    if (!decoded.ok) return false
    const bytes = encode(decoded.value)
    const again = decode(bytes)
    assert.equal(again.ok, true, 'what was written is not readable')
    if (again.ok) assert.equal(Buffer.compare(encode(again.value), bytes), 0, 'written differently the second time')
    return true
  }
}

/** A parser that throws our one class of error. */
export function typed(parse: (input: Uint8Array) => void): (input: Uint8Array) => boolean {
  return (input) => {
    try {
      parse(input)
      return true
    } catch (error) {
      if (error instanceof ReeveError && error.code !== 'INTERNAL') return false
      throw error
    }
  }
}
