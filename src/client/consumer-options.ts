/** What a consumer may ask for, and how that is said to a server. */

import { create } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import {
  type ConsumeStreamRequest,
  KeyFilterSchema,
  ReadOrder,
  StartAt,
  WaitForSchema,
} from '../gen/reeve/v1/log_service_pb.ts'
import { epochToBytes, parseEpoch } from '../log/log-id.ts'
import { positionsBehind } from './cursors.ts'
import type { Hole } from './holes.ts'
import { type Bytes, bytesOf, type RecordId } from './record.ts'

export interface ConsumerOptions {
  readonly topic: string
  /**
   * `start` (default): the oldest record there is; `end`: what is written from now on; a cursor from any server; of each
   * log the first batch that was appended at `timeMs` (ms since 1970) or later; or one record's id: from there on in that
   * log, and nothing of others.
   */
  readonly from?: From
  /** Stay at the end and go on with what is written later. */
  readonly follow?: boolean
  /** Only what this node wrote. */
  readonly origin?: string
  /** Between logs: `arrival` (default) as records came to the server, or `timestamp` by when they were appended. */
  readonly order?: 'arrival' | 'timestamp'
  /** Only records with one of these keys, or with a key that begins with one of the prefixes; text is UTF-8. */
  readonly keys?: readonly Bytes[]
  readonly keyPrefixes?: readonly Bytes[]
  /**
   * Go on where the cursor of this name stands that the cluster keeps; where there is none, or another cursor is given,
   * as `from` says.
   */
  readonly cursorName?: string
  /**
   * Commit to that cursor what was taken, every second and at the end. A record is taken when the next one is asked for.
   * Default true; false: with `Consumer.commit` only.
   */
  readonly autoCommit?: boolean
  /**
   * What the server must have before it answers: these records, or all that this cursor stands behind. It has the
   * client's `timeoutMs` for that, then the reading ends with `NOT_CAUGHT_UP`.
   */
  readonly waitFor?: Uint8Array | Iterable<RecordId>
  /**
   * Drop a record that was read from another log before: a producer that failed over from one node to another may have
   * stored it in both. Default true. Knows what this consumer has read, of the last 10,000 producers.
   */
  readonly dropRepeats?: boolean
  /**
   * Where records that would have come next are gone (retention, a deletion): `fail` (default) ends the reading with
   * `OFFSET_TRIMMED`; `skip` tells `onHole` and goes on behind them.
   */
  readonly holes?: 'fail' | 'skip'
  /** Told of every hole that is skipped, before the first record behind it. */
  readonly onHole?: (hole: Hole) => void
  /** End after this many records. */
  readonly maxRecords?: number
  /** End after so many bytes of records, or with the record that goes beyond. */
  readonly maxBytes?: number
}

export type From =
  | 'start'
  | 'end'
  | Uint8Array
  | { readonly timeMs: number }
  | { readonly origin: string; readonly epoch: string; readonly offset: number }

type StreamRequest = Partial<Omit<ConsumeStreamRequest, '$typeName' | '$unknown'>>

/** All but the limits, which depend on what was taken already. Throws `CONFIG_INVALID`. */
export function requestOf(options: ConsumerOptions): StreamRequest {
  const {
    topic,
    follow = false,
    cursorName = '',
    waitFor,
    order,
    keys = [],
    keyPrefixes = [],
    maxRecords,
    maxBytes,
  } = options
  for (const [name, limit] of Object.entries({ maxRecords, maxBytes })) {
    if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
      throw invalid(`${name}: needs a whole number above 0`)
  }
  const filter = create(KeyFilterSchema, { keys: keys.map(bytesOf), prefixes: keyPrefixes.map(bytesOf) })
  return {
    topic,
    follow,
    cursorName,
    ...(waitFor && {
      waitFor: create(
        WaitForSchema,
        waitFor instanceof Uint8Array ? { cursor: waitFor } : { positions: positionsBehind(waitFor) },
      ),
    }),
    order: order === 'timestamp' ? ReadOrder.TIMESTAMP : ReadOrder.ARRIVAL,
    ...(keys.length + keyPrefixes.length > 0 && { filter }),
    ...startOf(options),
  }
}

function startOf({ from = 'start', origin = '' }: ConsumerOptions): StreamRequest {
  if (from === 'start') return { origin, startAt: StartAt.START }
  if (from === 'end') return { origin, startAt: StartAt.END }
  if (from instanceof Uint8Array) return { origin, startAt: StartAt.START, cursor: from }
  if ('timeMs' in from) {
    if (!(from.timeMs >= 0 && from.timeMs <= Number.MAX_SAFE_INTEGER))
      throw invalid('from.timeMs: needs milliseconds since 1970')
    return { origin, startAt: StartAt.TIME, startTimeMs: BigInt(Math.ceil(from.timeMs)) }
  }
  const epoch = parseEpoch(from.epoch)
  if (!epoch.ok) throw invalid(`from.epoch: ${epoch.problem}`)
  if (!(Number.isSafeInteger(from.offset) && from.offset >= 0))
    throw invalid('from.offset: needs a whole number from 0')
  if (origin !== '' && origin !== from.origin) throw invalid('origin and from.origin contradict each other')
  return {
    origin: from.origin,
    startAt: StartAt.OFFSET,
    startEpoch: epochToBytes(epoch.value),
    startOffset: BigInt(from.offset),
  }
}

function invalid(problem: string): ReeveError {
  return new ReeveError('CONFIG_INVALID', `consumer: ${problem}`)
}
