/** A record in the bytes it came in: what was written is only looked at when it is asked for. */

import type { BatchBytes } from './batch-bytes.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import type { ConsumedRecord } from './record.ts'
import { malformed, WireReader, wireBytes, wireVarint } from './wire.ts'

type Headers = readonly (readonly [name: string, value: Uint8Array])[]

const noHeaders: Headers = []
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** One is enough: nobody walks along two messages at a time. */
const reader = new WireReader()

const keyTag = (1 << 3) | wireBytes
const valueTag = (2 << 3) | wireBytes
const timestampTag = (4 << 3) | wireVarint

export class RecordInBatch implements ConsumedRecord {
  readonly offset: number
  readonly #batch: ConsumedBatch
  readonly #bytes: BatchBytes
  readonly #from: number
  readonly #end: number
  #keyFrom = 0
  #keyEnd = 0
  #valueFrom = 0
  #valueEnd = 0
  #producedAt = 0
  #hasMore = false

  /** `bytes`: a batch whose record lies from `from` up to `end`. Throws `INTERNAL` where it is malformed. */
  constructor(batch: ConsumedBatch, offset: number, bytes: BatchBytes, from: number, end: number) {
    this.#batch = batch
    this.offset = offset
    this.#bytes = bytes
    this.#from = from
    this.#end = end
    if (!this.#look()) this.#lookAgain()
  }

  get topic(): string {
    return this.#batch.topic
  }

  get origin(): string {
    return this.#batch.origin
  }

  get epoch(): string {
    return this.#batch.epoch
  }

  get timestampMs(): number {
    return this.#batch.timestampMs
  }

  get producedMs(): number | undefined {
    if (this.#producedAt === 0) return undefined
    // As if it were a field of its own: the tag is the byte before.
    reader.over(this.#bytes.bytes, this.#producedAt - 1, this.#end).next()
    return reader.number === 0 ? undefined : reader.number
  }

  get key(): Uint8Array {
    return this.#bytes.view(this.#keyFrom, this.#keyEnd)
  }

  get value(): Uint8Array {
    return this.#bytes.view(this.#valueFrom, this.#valueEnd)
  }

  get headers(): Headers {
    if (!this.#hasMore) return noHeaders
    const headers: [string, Uint8Array][] = []
    const { bytes } = this.#bytes
    const fields = new WireReader().over(bytes, this.#from, this.#end)
    while (fields.next()) if (fields.field === 3) headers.push(headerIn(bytes, fields.from, fields.at))
    return headers
  }

  /** As it would be written out. */
  toJSON(): ConsumedRecord {
    const { topic, origin, epoch, offset, timestampMs, producedMs, key, value, headers } = this
    return { topic, origin, epoch, offset, timestampMs, producedMs, key, value, headers }
  }

  [Symbol.for('nodejs.util.inspect.custom')](): ConsumedRecord {
    return this.toJSON()
  }

  /** The usual fields, written as they usually are; false where there is something else. */
  #look(): boolean {
    const { bytes } = this.#bytes
    const end = this.#end
    for (let at = this.#from; at < end; ) {
      const tag = bytes[at++] as number
      if (tag === keyTag || tag === valueTag) {
        let size = bytes[at++] as number
        if (size >= 0x80) {
          const second = bytes[at++] as number
          size = (size & 0x7f) | ((second & 0x7f) << 7)
          if (second >= 0x80) {
            const third = bytes[at++] as number
            if (!(third < 0x80)) return false
            size |= third << 14
          }
        }
        const contentEnd = at + size
        if (!(contentEnd <= end)) throw malformed('a field that is cut short')
        if (tag === keyTag) {
          this.#keyFrom = at
          this.#keyEnd = contentEnd
        } else {
          this.#valueFrom = at
          this.#valueEnd = contentEnd
        }
        at = contentEnd
      } else if (tag === timestampTag) {
        this.#producedAt = at
        while ((bytes[at] as number) >= 0x80) at++
        at++
        if (at > end || at - this.#producedAt > 10) throw malformed('a number that does not end')
      } else return false
    }
    return true
  }

  /** Every field, however it is written. */
  #lookAgain(): void {
    const fields = reader.over(this.#bytes.bytes, this.#from, this.#end)
    while (fields.next()) {
      const { field, wire, from, at } = fields
      if (field === 1 || field === 2 || field === 3) {
        if (wire !== wireBytes) throw malformed(`field ${field} has wire type ${wire}`)
        if (field === 1) {
          this.#keyFrom = from
          this.#keyEnd = at
        } else if (field === 2) {
          this.#valueFrom = from
          this.#valueEnd = at
        } else this.#hasMore = true
      } else if (field === 4) {
        if (wire !== wireVarint) throw malformed(`field ${field} has wire type ${wire}`)
        this.#producedAt = from
      }
    }
    // Now, and not when they are asked for, is the time to find that they cannot be read.
    if (this.#hasMore) void this.headers
  }
}

function headerIn(bytes: Uint8Array, from: number, end: number): [string, Uint8Array] {
  let name = ''
  let value = bytes.subarray(from, from)
  for (const fields = reader.over(bytes, from, end); fields.next(); ) {
    if (fields.field > 2) continue
    if (fields.wire !== wireBytes) throw malformed(`a header's field has wire type ${fields.wire}`)
    const content = bytes.subarray(fields.from, fields.at)
    if (fields.field === 1) name = textIn(content)
    else value = content
  }
  return [name, value]
}

export function textIn(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw malformed(`text that is not UTF-8 (${(cause as Error).message})`)
  }
}
