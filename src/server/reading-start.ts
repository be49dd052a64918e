/** What both kinds of consume requests say about what to read and where to begin. */

import type { ServerCall } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import {
  type ConsumeRequest,
  type KeyFilter as KeyFilterMessage,
  ReadOrder,
  StartAt,
} from '../gen/reeve/v1/log_service_pb.ts'
import { KeyFilter } from '../log/key-filter.ts'
import type { LogId } from '../log/log-id.ts'
import { epochFromBytes, logKey, parseNodeName, parseTopicName } from '../log/log-id.ts'
import type { ConsumeDeps } from './consume.ts'
import { decodeCursor } from './cursor.ts'
import { requireCursorName } from './cursors.ts'
import type { ReaderOptions, Start } from './reader.ts'

/** The fields that `ConsumeRequest` and `ConsumeStreamRequest` share. */
export type ReadRequest = Pick<
  ConsumeRequest,
  | 'topic'
  | 'cursor'
  | 'cursorName'
  | 'startAt'
  | 'origin'
  | 'startTimeMs'
  | 'startEpoch'
  | 'startOffset'
  | 'order'
  | 'filter'
>

/** Every record that passes by is judged by all of them. */
const filterEntriesMax = 1000
const filterBytesMax = 64 * 1024

/** Throws typed errors for what is not allowed, or means nothing. */
export function readingStart(
  request: ReadRequest,
  call: ServerCall,
  { access, cursors }: Pick<ConsumeDeps, 'access' | 'cursors'>,
): Omit<ReaderOptions, 'journal' | 'commits' | 'declarations' | 'woken'> {
  const { topic, cursor, cursorName, origin, order } = request
  const name = parseTopicName(topic)
  if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
  access.require(access.subjectOf(call.caller), 'consume', topic)
  if (origin !== '') {
    const node = parseNodeName(origin)
    if (!node.ok) throw new ReeveError('NODE_NAME_INVALID', node.problem)
  }
  if (cursorName !== '') requireCursorName(cursorName)
  const named = cursorName === '' ? undefined : cursors.get(topic, cursorName)?.place
  if (order < ReadOrder.UNSPECIFIED || order > ReadOrder.TIMESTAMP) throw malformed(`order ${order} has no meaning`)
  return {
    topic,
    origin: origin === '' ? undefined : origin,
    place: cursor.length === 0 ? named : decodeCursor(cursor, topic),
    start: startOf(request),
    order: order === ReadOrder.TIMESTAMP ? 'timestamp' : 'arrival',
    filter: filterOf(request.filter),
  }
}

function startOf(request: ReadRequest): Start {
  const { startAt, startTimeMs, startEpoch, startOffset } = request
  if (startTimeMs !== 0n && startAt !== StartAt.TIME) throw malformed('start_time_ms is for START_AT_TIME')
  if ((startEpoch.length > 0 || startOffset !== 0n) && startAt !== StartAt.OFFSET) {
    throw malformed('start_epoch and start_offset are for START_AT_OFFSET')
  }
  switch (startAt) {
    case StartAt.UNSPECIFIED:
    case StartAt.START:
      return { at: 'start' }
    case StartAt.END:
      return { at: 'end' }
    case StartAt.TIME:
      return { at: 'time', timeMs: Number(startTimeMs) }
    case StartAt.OFFSET:
      return { at: 'offset', ...offsetOf(request) }
    default:
      throw malformed(`start_at ${startAt} has no meaning`)
  }
}

function offsetOf({ topic, origin, startEpoch, startOffset }: ReadRequest): { id: LogId; key: string; offset: number } {
  if (origin === '') throw malformed('START_AT_OFFSET needs the origin of the log')
  const epoch = epochFromBytes(startEpoch)
  if (!epoch.ok) throw malformed(`start_epoch: ${epoch.problem}`)
  if (startOffset > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`start_offset ${startOffset} is out of range`)
  const id = { topic, origin, epoch: epoch.value }
  return { id, key: logKey(id), offset: Number(startOffset) }
}

function filterOf(filter: KeyFilterMessage | undefined): KeyFilter | undefined {
  if (!filter) return undefined
  const { keys, prefixes } = filter
  const entries = keys.length + prefixes.length
  if (entries === 0) return undefined
  if (entries > filterEntriesMax) throw malformed(`a filter of ${entries} entries; the limit is ${filterEntriesMax}`)
  let bytes = 0
  for (const entry of [...keys, ...prefixes]) bytes += entry.length
  if (bytes > filterBytesMax) throw malformed(`a filter of ${bytes} bytes; the limit is ${filterBytesMax}`)
  return new KeyFilter(keys, prefixes)
}

function malformed(problem: string): ReeveError {
  return new ReeveError('REQUEST_MALFORMED', problem)
}
