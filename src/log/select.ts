/**
 * The part of a batch that a reader gets: from a record on, as many as are wanted, and only those that its filter lets
 * through. Works on the bytes of a batch that has passed `checkBatch`; decodes nothing.
 */

import type { KeyFilter } from './key-filter.ts'

export interface Wanted {
  readonly maxRecords: number
  /** Not exceeded, but for a first record that is larger. */
  readonly maxBytes: number
  readonly filter: KeyFilter | undefined
}

export interface Selection {
  /** A batch; shares the memory of the whole one where nothing in between is missing. */
  readonly batch: Uint8Array
  readonly records: number
  /** Index of the first one. */
  readonly first: number
  /** How far each is from the first; undefined: one by one. */
  readonly deltas: number[] | undefined
  /** Index of the record to go on with: those before it were selected, skipped or not wanted. */
  readonly next: number
}

/** From record `skip` of `recordCount` on. */
export function select(batch: Uint8Array, recordCount: number, skip: number, wanted: Wanted): Selection {
  const { filter, maxRecords, maxBytes } = wanted
  if (!filter && skip === 0 && recordCount <= maxRecords && batch.length <= maxBytes) {
    return { batch, records: recordCount, first: 0, deltas: undefined, next: recordCount }
  }
  const walk = new RecordWalk(batch)
  for (let index = 0; index < skip; index++) walk.step()
  const parts: Uint8Array[] = []
  const chosen: number[] = []
  let index = skip
  let bytes = 0
  let from = walk.at
  for (; index < recordCount && chosen.length < maxRecords; index++) {
    const start = walk.at
    const content = walk.step()
    if (filter && !acceptsRecord(batch, content, walk.at, filter)) {
      if (start > from) parts.push(batch.subarray(from, start))
      from = walk.at
      continue
    }
    bytes += walk.at - start
    if (chosen.length > 0 && bytes > maxBytes) {
      walk.at = start
      break
    }
    chosen.push(index)
  }
  if (walk.at > from) parts.push(batch.subarray(from, walk.at))
  const first = chosen[0] ?? index
  const whole = (chosen.at(-1) ?? index - 1) - first === chosen.length - 1
  const deltas = whole ? undefined : chosen.map((at) => at - first)
  return { batch: joined(parts), records: chosen.length, first, deltas, next: index }
}

/** A position between the records of a checked batch. */
export class RecordWalk {
  readonly #bytes: Uint8Array
  at = 0

  constructor(batch: Uint8Array) {
    this.#bytes = batch
  }

  /** Goes behind the next record; returns where its content begins. */
  step(): number {
    const bytes = this.#bytes
    let at = this.at + 1
    let size = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] as number
      size += (byte & 0x7f) * factor
      if (!(byte >= 0x80)) break
    }
    this.at = at + size
    return at
  }
}

const keyTag = 0x0a

/** Of a field that comes more than once the last one counts, as in every decoder. Without a key it is the empty one. */
function acceptsRecord(bytes: Uint8Array, from: number, end: number, filter: KeyFilter): boolean {
  let keyFrom = from
  let keyEnd = from
  for (let at = from; at < end; ) {
    const tag = varint(bytes, at)
    at += varintBytes(bytes, at)
    const wire = tag & 7
    if (wire === 0) at += varintBytes(bytes, at)
    else if (wire === 1) at += 8
    else if (wire === 5) at += 4
    else {
      const size = varint(bytes, at)
      at += varintBytes(bytes, at)
      if (tag === keyTag) {
        keyFrom = at
        keyEnd = at + size
      }
      at += size
    }
  }
  return filter.accepts(bytes, keyFrom, keyEnd)
}

/** Of one that `checkBatch` has found to end, and to be a length or tag: within 32 bits. */
function varint(bytes: Uint8Array, from: number): number {
  let value = 0
  for (let at = from, factor = 1; ; at++, factor *= 128) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * factor
    if (!(byte >= 0x80)) return value
  }
}

function varintBytes(bytes: Uint8Array, from: number): number {
  let at = from
  while ((bytes[at] as number) >= 0x80) at++
  return at + 1 - from
}

function joined(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
