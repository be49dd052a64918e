/**
 * The latest batches of a segment whose producers said who they are: what a node must know of it to recognise a batch
 * that comes again. Derived from the frames and from nothing else, and kept at the end of the segment's index.
 */

import { type ProducerMark, producerIdBytes } from './frame.ts'
import type { LogId } from './log-id.ts'
import { batchesMax, batchesOfProducerMax, type MarkedBatch, producerKey } from './producers.ts'

export interface MarkedFrame extends MarkedBatch {
  /** `producerKey` of its id. */
  readonly producer: string
}

export function markedFrame(
  { id, sequence }: ProducerMark,
  frame: { readonly baseOffset: number; readonly recordCount: number; readonly timestamp: bigint },
): MarkedFrame {
  const { baseOffset, recordCount, timestamp } = frame
  return { producer: producerKey(id), sequence, recordCount, baseOffset, timestamp }
}

/** Of a segment at most so many, the last ones; a list may grow to twice that before it is cut. */
const keptMax = 16_384
const entryBytes = producerIdBytes + 28
const nothing = new Uint8Array(0)

export class MarkedBatches {
  /** Undefined: nobody has looked into `#encoded` yet. */
  #batches: MarkedFrame[] | undefined = []
  #encoded: Uint8Array = nothing

  get size(): number {
    return this.#batches?.length ?? (this.#encoded.length - 4) / entryBytes
  }

  /** In the order of the log. */
  add(batch: MarkedFrame): void {
    const batches = this.#all()
    batches.push(batch)
    if (batches.length >= 2 * keptMax) this.#batches = latest(batches)
  }

  list(): readonly MarkedFrame[] {
    return latest(this.#all())
  }

  encode(): Uint8Array {
    const batches = this.list()
    const bytes = new Uint8Array(4 + entryBytes * batches.length)
    const view = new DataView(bytes.buffer)
    view.setUint32(0, batches.length)
    let at = 4
    for (const { producer, sequence, recordCount, baseOffset, timestamp } of batches) {
      for (let n = 0; n < producer.length; n++) view.setUint16(at + 2 * n, producer.charCodeAt(n))
      view.setBigUint64(at + 16, BigInt(sequence))
      view.setUint32(at + 24, recordCount)
      view.setBigUint64(at + 28, BigInt(baseOffset))
      view.setBigUint64(at + 36, timestamp)
      at += entryBytes
    }
    return bytes
  }

  /** Undefined where the bytes are not what `encode` makes. */
  static decode(bytes: Uint8Array): MarkedBatches | undefined {
    if (bytes.length < 4) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (bytes.length !== 4 + entryBytes * view.getUint32(0)) return undefined
    const marked = new MarkedBatches()
    marked.#encoded = bytes
    marked.#batches = undefined
    return marked
  }

  #all(): MarkedFrame[] {
    if (this.#batches) return this.#batches
    const bytes = this.#encoded
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#batches = []
    for (let at = 4; at < bytes.length; at += entryBytes) {
      this.#batches.push({
        producer: producerKey(bytes.subarray(at, at + producerIdBytes)),
        sequence: Number(view.getBigUint64(at + 16)),
        recordCount: view.getUint32(at + 24),
        baseOffset: Number(view.getBigUint64(at + 28)),
        timestamp: view.getBigUint64(at + 36),
      })
    }
    // It shares the memory of a whole file.
    this.#encoded = nothing
    return this.#batches
  }
}

interface Marked {
  marked: MarkedBatches | undefined
}

/** Of the segments of one log, as many of the last ones as hold all that is remembered keep what they know. */
export class LatestMarks {
  readonly #segments: Marked[] = []
  #size = 0

  /** In the order of the log. */
  note(segment: Marked): void {
    if (!segment.marked) return
    this.#segments.push(segment)
    this.#size += segment.marked.size
    for (let oldest = this.#segments[0]; oldest?.marked; oldest = this.#segments[0]) {
      if (this.#size - oldest.marked.size < batchesMax) return
      this.#size -= oldest.marked.size
      oldest.marked = undefined
      this.#segments.shift()
    }
  }
}

/**
 * What is remembered of all logs that were found on the disk, the oldest first. The segments that are not the last of
 * their log keep none of it: their index is written.
 */
export function markedBatches(
  logs: readonly { readonly id: LogId; readonly segments: readonly Marked[] }[],
): [LogId, MarkedFrame][] {
  let found: [LogId, MarkedFrame][] = []
  const cut = (max: number) => {
    if (found.length <= max) return
    found.sort(([, a], [, b]) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0))
    found = found.slice(-batchesMax)
  }
  for (const { id, segments } of logs) {
    for (const segment of segments) {
      for (const batch of segment.marked?.list() ?? []) found.push([id, batch])
      if (segment !== segments.at(-1)) segment.marked = undefined
    }
    cut(4 * batchesMax)
  }
  cut(0)
  return found
}

/** The last ones of each producer and of all, in their order. */
function latest(batches: readonly MarkedFrame[]): MarkedFrame[] {
  const counts = new Map<string, number>()
  const kept: MarkedFrame[] = []
  for (let n = batches.length - 1; n >= 0 && kept.length < keptMax; n--) {
    const batch = batches[n] as MarkedFrame
    const count = counts.get(batch.producer) ?? 0
    if (count === batchesOfProducerMax) continue
    counts.set(batch.producer, count + 1)
    kept.push(batch)
  }
  return kept.reverse()
}
