/** Cuts a stream of bytes into whole MessagePack values, one after the other, each of a bounded size. */

import type { Decoded } from '../decoded.ts'
import { MsgpackReader } from '../gossip/msgpack-reader.ts'
import { MsgpackScanner } from '../gossip/msgpack-scanner.ts'
import type { Type } from '../gossip/msgpack-struct.ts'

const leastBytes = 1024

export class Incoming {
  readonly #maxBytes: number
  #buffer = new Uint8Array(leastBytes)
  #from = 0
  #to = 0
  #scanner: MsgpackScanner | undefined

  /** `maxBytes`: of all that is here and not taken yet. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** False: more than may be here at once; nothing was added. */
  push(bytes: Uint8Array): boolean {
    const waiting = this.#to - this.#from
    if (waiting + bytes.length > this.#maxBytes) return false
    if (this.#to + bytes.length > this.#buffer.length) this.#makeRoom(waiting + bytes.length)
    this.#buffer.set(bytes, this.#to)
    this.#to += bytes.length
    return true
  }

  /** The next value, if it is here as a whole; what is behind it stays. */
  take<T>(type: Type<T>): Decoded<T> | undefined {
    this.#scanner ??= new MsgpackScanner(this.#from)
    const found = this.#scanner.advance(this.#buffer, this.#to)
    if (found === 'more') {
      // Sooner than by waiting for what can never be here.
      if (this.#scanner.needed - this.#from > this.#maxBytes) return { ok: false, problem: 'too large' }
      return undefined
    }
    if (found === 'invalid') return { ok: false, problem: 'not MessagePack' }
    const reader = new MsgpackReader(this.#buffer, this.#from, this.#scanner.at)
    this.#from = this.#scanner.at
    this.#scanner = undefined
    const value = type.read(reader)
    return reader.problem === undefined ? { ok: true, value } : { ok: false, problem: reader.problem }
  }

  #makeRoom(needed: number): void {
    const size = Math.max(needed, Math.min(this.#maxBytes, 2 * this.#buffer.length))
    const target = needed <= this.#buffer.length / 2 ? this.#buffer : new Uint8Array(size)
    target.set(this.#buffer.subarray(this.#from, this.#to))
    this.#buffer = target
    this.#to -= this.#from
    this.#from = 0
    this.#scanner = undefined
  }
}
