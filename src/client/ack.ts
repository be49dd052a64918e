/** What a server answers to who produces, read by hand: one answer a batch. */

import { textIn } from './consumed-record.ts'
import type { Place } from './produced-batch.ts'
import { epochText } from './servers.ts'
import { malformed, WireReader, wireBytes, wireVarint } from './wire.ts'

export interface Ack {
  readonly place: Place
  readonly recordCount: number
}

/** Reads ProduceStreamResponse messages of one call: nearly all of them name the same log. */
export class AckReader {
  readonly #message = new WireReader()
  readonly #log = new WireReader()
  #logBytes: Uint8Array = new Uint8Array(0)
  #origin = ''
  #epoch = ''

  /** Throws `INTERNAL`. */
  read(bytes: Uint8Array): Ack {
    let baseOffset = 0
    let recordCount = 0
    let named = false
    for (const message = this.#message.over(bytes, 0, bytes.length); message.next(); ) {
      const { field, wire } = message
      if (field > 3) continue
      if (wire !== (field === 1 ? wireBytes : wireVarint)) throw malformed(`field ${field} has wire type ${wire}`)
      if (field === 2) baseOffset = message.offset
      else if (field === 3) recordCount = message.offset
      else {
        this.#name(bytes, message.from, message.at)
        named = true
      }
    }
    if (!named) throw malformed('an acknowledgement that names no log')
    return { place: { origin: this.#origin, epoch: this.#epoch, baseOffset }, recordCount }
  }

  #name(bytes: Uint8Array, from: number, end: number): void {
    if (this.#isLast(bytes, from, end)) return
    let origin = ''
    let epoch = ''
    for (const fields = this.#log.over(bytes, from, end); fields.next(); ) {
      const { field, wire } = fields
      if (field > 3) continue
      if (wire !== wireBytes) throw malformed(`field ${field} has wire type ${wire}`)
      if (field === 2) origin = textIn(bytes.subarray(fields.from, fields.at))
      else if (field === 3) epoch = epochText(bytes.subarray(fields.from, fields.at))
    }
    if (epoch === '') throw malformed('a log without an epoch')
    this.#origin = origin
    this.#epoch = epoch
    this.#logBytes = bytes.slice(from, end)
  }

  #isLast(bytes: Uint8Array, from: number, end: number): boolean {
    const last = this.#logBytes
    if (last.length !== end - from || last.length === 0) return false
    for (let at = 0; at < last.length; at++) if (bytes[from + at] !== last[at]) return false
    return true
  }
}
