/**
 * Reads ProduceRequest and ProduceStreamRequest (the same fields) in one shallow pass: the records of the batch are
 * found, not decoded, and the batch is a view into the message. Agrees with protobuf's rules: the last scalar wins,
 * several occurrences of the batch are merged (which for a message of one repeated field means: put one behind the
 * other), unknown fields and known ones of another wire type are skipped.
 */

import { ReeveError } from '../errors.ts'
import { producerIdBytes } from '../log/frame.ts'
import type { Claim } from '../log/producers.ts'

export interface ProduceCommand {
  /** Empty when the field is missing. Not validated as a topic name yet. */
  readonly topic: string
  /** The batch as it came; empty when the field is missing. */
  readonly batch: Uint8Array
  /** As asked; 0: not given. */
  readonly copies: number
  /** As it came; empty when the field is missing. */
  readonly producerId: Uint8Array
  /** Exact up to 2^53; beyond it is only known to be beyond. */
  readonly producerSequence: number
  readonly producerSkips: boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const nothing = new Uint8Array(0)

/** Groups are long deprecated and nobody nests them deeply; protobuf-es draws the same line. */
const groupDepthMax = 100

/** Throws `REQUEST_MALFORMED`. */
export function parseProduceRequest(bytes: Uint8Array): ProduceCommand {
  const reader = new Reader(bytes)
  let topic: Uint8Array | undefined
  let batch: Uint8Array = nothing
  let parts: Uint8Array[] | undefined
  let copies = 0
  let producerId: Uint8Array = nothing
  let producerSequence = 0
  let producerSkips = false
  while (reader.position < bytes.length) {
    const tag = reader.tag()
    if (tag === topicTag) topic = reader.bytes()
    else if (tag === batchTag) {
      const part = reader.bytes()
      if (parts) parts.push(part)
      else if (batch.length === 0) batch = part
      else parts = [batch, part]
    } else if (tag === copiesTag) copies = reader.uint32()
    else if (tag === producerIdTag) producerId = reader.bytes()
    else if (tag === producerSequenceTag) producerSequence = reader.uint64()
    else if (tag === producerSkipsTag) producerSkips = reader.uint64() !== 0
    else reader.skip(tag)
  }
  const whole = parts ? concatenate(parts) : batch
  return { topic: topic ? text(topic) : '', batch: whole, copies, producerId, producerSequence, producerSkips }
}

/** Nobody's in particular, and it need be nowhere else. */
export function isPlain({ copies, producerId, producerSequence, producerSkips }: ProduceCommand): boolean {
  return copies <= 1 && producerId.length === 0 && producerSequence === 0 && !producerSkips
}

/** Undefined where the batch is nobody's in particular. Throws `REQUEST_MALFORMED`. */
export function claimOf(command: ProduceCommand, recordCount: number): Claim | undefined {
  const { producerId: id, producerSequence: sequence, producerSkips: skips } = command
  if (id.length === 0) {
    if (sequence !== 0 || skips) throw malformed('a producer sequence without a producer id')
    return undefined
  }
  if (id.length !== producerIdBytes || id.every((byte) => byte === 0)) {
    throw malformed(`a producer id is ${producerIdBytes} bytes, not all of them zero`)
  }
  if (!Number.isSafeInteger(sequence + recordCount)) throw malformed('a producer sequence beyond 2^53')
  return { id, sequence, skips }
}

const topicTag = (1 << 3) | 2
const batchTag = (2 << 3) | 2
const copiesTag = 3 << 3
const producerIdTag = (4 << 3) | 2
const producerSequenceTag = 5 << 3
const producerSkipsTag = 6 << 3

function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw malformed('the topic is not UTF-8')
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function malformed(problem: string): ReeveError {
  return new ReeveError('REQUEST_MALFORMED', `the request is malformed: ${problem}`)
}

/** Walks over fields; every read is checked against the end. */
class Reader {
  position = 0
  readonly source: Uint8Array

  constructor(source: Uint8Array) {
    this.source = source
  }

  /** A field's tag: number << 3 | wire type. */
  tag(): number {
    const tag = this.uint32()
    if (tag >>> 3 === 0) throw malformed('field number 0')
    return tag
  }

  /** The low 32 bits of a varint of at most ten bytes. */
  uint32(): number {
    let value = 0
    for (let index = 0; index < 10; index++) {
      const byte = this.source[this.position++]
      if (byte === undefined) throw malformed('it ends within a number')
      if (index < 5) value |= (byte & 127) << (7 * index)
      if (byte < 128) return value >>> 0
    }
    throw malformed('a number of more than ten bytes')
  }

  /** A varint of at most ten bytes; rounded where it is beyond 2^53, and never down to less. */
  uint64(): number {
    let value = 0
    let factor = 1
    for (let index = 0; index < 10; index++) {
      const byte = this.source[this.position++]
      if (byte === undefined) throw malformed('it ends within a number')
      // The tenth byte has one bit to give.
      value += (index < 9 ? byte & 127 : byte & 1) * factor
      if (byte < 128) return value
      factor *= 128
    }
    throw malformed('a number of more than ten bytes')
  }

  bytes(): Uint8Array {
    const start = this.position
    const length = this.uint32()
    // A length beyond 32 bits was cut to its low part above: more than five bytes is never a length.
    if (this.position - start > 5) throw malformed('a length of more than five bytes')
    const from = this.position
    this.#advance(length)
    return this.source.subarray(from, this.position)
  }

  /** Skips the value of an unknown field. */
  skip(tag: number): void {
    const open: number[] = []
    let current = tag
    for (;;) {
      const wire = current & 7
      if (wire === 0) this.uint32()
      else if (wire === 1) this.#advance(8)
      else if (wire === 2) this.bytes()
      else if (wire === 5) this.#advance(4)
      else if (wire === 3) {
        if (open.length === groupDepthMax) throw malformed('groups nested too deeply')
        open.push(current >>> 3)
      } else if (wire === 4) {
        if (open.pop() !== current >>> 3) throw malformed('a group ends that did not begin')
      } else throw malformed(`wire type ${wire}`)
      if (open.length === 0) return
      current = this.tag()
    }
  }

  #advance(count: number): void {
    if (count > this.source.length - this.position) throw malformed('a field reaches over its end')
    this.position += count
  }
}
