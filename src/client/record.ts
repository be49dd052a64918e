/** Records as a program gives and gets them. */

/** Text is stored as UTF-8. */
export type Bytes = Uint8Array | string

export interface OutgoingRecord {
  readonly key?: Bytes
  readonly value: Bytes
  readonly headers?: Iterable<readonly [name: string, value: Bytes]>
}

/** Bytes share memory with all that came in the same answer: copy what is to be kept for long. */
export interface ConsumedRecord {
  readonly topic: string
  /** Name of the node that wrote it, and the run of that node (UUID). With the offset, the record's id for ever. */
  readonly origin: string
  readonly epoch: string
  readonly offset: number
  /** When it was appended, by the origin's clock: ms since 1970. */
  readonly timestampMs: number
  /** When it was produced, by the producer's clock: ms since 1970; undefined: not given. */
  readonly producedMs: number | undefined
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[]
}

/** Where a record is stored. */
export interface RecordId {
  readonly origin: string
  readonly epoch: string
  readonly offset: number
}

/** Where some records are stored, one behind the other from `offset` on. */
export interface RecordRun extends RecordId {
  readonly count: number
}

const encoder = new TextEncoder()

export function bytesOf(data: Bytes): Uint8Array {
  return typeof data === 'string' ? encoder.encode(data) : data
}

/** Milliseconds of a hybrid logical timestamp (`ms << 16 | counter`). */
export function timestampToMs(timestamp: bigint): number {
  return Number(timestamp >> 16n)
}
