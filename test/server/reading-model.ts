/** What a reading must give, by decoding, sorting and filtering all there is: the slow and obvious way. */

import type { MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import {
  type ConsumeStreamRequestSchema,
  type ConsumeStreamResponse,
  ReadOrder,
  StartAt,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { epochA, epochB, epochC, type MemoryJournal } from './memory-journal.ts'

export type Asked = MessageInitShape<typeof ConsumeStreamRequestSchema>

const logs = [
  { origin: 'a', epoch: epochA },
  { origin: 'a', epoch: epochB },
  { origin: 'b', epoch: epochC },
] as const

/** One batch that was written: `log` by its index, `nowMs` after the one before. */
export interface Written {
  readonly log: number
  readonly gapMs: number
  readonly keys: readonly string[]
  readonly bytes: number
}

const keyText = fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }).map((letters) => letters.join(''))

export const anyHistory: fc.Arbitrary<Written[]> = fc.array(
  fc.record({
    log: fc.nat({ max: logs.length - 1 }),
    gapMs: fc.constantFrom(0, 0, 1, 50),
    keys: fc.array(keyText, { minLength: 1, maxLength: 6 }),
    bytes: fc.constantFrom(1, 10, 3000, 70_000),
  }),
  { minLength: 1, maxLength: 25 },
)

/** `first` is where time begins. */
export const firstMs = 1_000

export const anyRequest: fc.Arbitrary<Asked> = fc
  .record({
    start: fc.oneof(
      fc.constantFrom({}, { startAt: StartAt.START }),
      fc.nat({ max: 600 }).map((ms) => ({ startAt: StartAt.TIME, startTimeMs: BigInt(firstMs + ms) })),
      fc.record({ log: fc.nat({ max: logs.length - 1 }), offset: fc.nat({ max: 60 }) }).map(({ log, offset }) => ({
        startAt: StartAt.OFFSET,
        origin: logs[log]!.origin,
        startEpoch: epochToBytes(logs[log]!.epoch),
        startOffset: BigInt(offset),
      })),
    ),
    origin: fc.constantFrom('', '', 'a', 'b'),
    order: fc.constantFrom(ReadOrder.UNSPECIFIED, ReadOrder.ARRIVAL, ReadOrder.TIMESTAMP),
    filter: fc.option(
      fc.record({ keys: fc.array(keyText, { maxLength: 2 }), prefixes: fc.array(keyText, { maxLength: 2 }) }),
    ),
    maxRecords: fc.constantFrom(0n, 0n, 1n, 7n),
    maxBytes: fc.constantFrom(0n, 0n, 1n, 5000n),
    recordsPerMessage: fc.constantFrom(0, 0, 1, 3),
  })
  .map(({ start, filter, ...rest }) => ({
    topic: 't',
    ...rest,
    ...start,
    ...(filter && { filter: { keys: filter.keys.map(bytesOf), prefixes: filter.prefixes.map(bytesOf) } }),
  }))

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A record and where it is. */
export interface Found {
  readonly origin: string
  readonly epoch: string
  readonly offset: number
  readonly timestamp: bigint
  readonly key: string
  /** In a batch. */
  readonly bytes: number
}

/** Writes it all, and gives it in the order of its logs. */
export function write(journal: MemoryJournal, history: readonly Written[]): Found[][] {
  const found: Found[][] = logs.map(() => [])
  let nowMs = firstMs
  for (const { log: index, gapMs, keys, bytes } of history) {
    nowMs += gapMs
    const { origin, epoch } = logs[index]!
    const records = keys.map((key) => ({ key: bytesOf(key), value: new Uint8Array(bytes) }))
    const log = journal.logOf('t', origin, epoch)
    log.nowMs = nowMs
    const { baseOffset, timestamp } = journal.addBatch(log, batchBytes(records), records.length)
    for (const [at, record] of records.entries()) {
      const size = batchBytes([record]).length
      found[index]!.push({ origin, epoch, offset: baseOffset + at, timestamp, key: keys[at]!, bytes: size })
    }
  }
  return found
}

function batchBytes(records: { key: Uint8Array; value: Uint8Array }[]): Uint8Array {
  return toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
}

/** All that this request must give, without its limits: log by log, or in the one order there is. */
export function expected(all: Found[][], asked: Asked): Found[] {
  const wanted = all.filter((records, index) => {
    const { origin, epoch } = logs[index]!
    if (records.length === 0 || (asked.origin && asked.origin !== origin)) return false
    return asked.startAt !== StartAt.OFFSET || Buffer.from(epochToBytes(epoch)).equals(Buffer.from(asked.startEpoch!))
  })
  const startIn = (records: Found[]): number => {
    if (asked.startAt === StartAt.OFFSET) return Number(asked.startOffset)
    if (asked.startAt !== StartAt.TIME) return 0
    return records.find(({ timestamp }) => timestamp >> 16n >= asked.startTimeMs!)?.offset ?? Number.MAX_SAFE_INTEGER
  }
  const kept = wanted.map((records) => {
    const start = startIn(records)
    return records.filter(({ offset, key }) => offset >= start && passes(key, asked))
  })
  if (asked.order !== ReadOrder.TIMESTAMP) return kept.flat()
  return kept.flat().toSorted((one, other) => {
    if (one.timestamp !== other.timestamp) return one.timestamp < other.timestamp ? -1 : 1
    const names = [one, other].map(({ origin, epoch }) => `${origin} ${epoch}`)
    return names[0]! < names[1]! ? -1 : names[0]! > names[1]! ? 1 : one.offset - other.offset
  })
}

function passes(key: string, { filter }: Asked): boolean {
  const texts = (all: readonly Uint8Array[] = []) => all.map((each) => new TextDecoder().decode(each))
  const [keys, prefixes] = [texts(filter?.keys), texts(filter?.prefixes)]
  if (keys.length + prefixes.length === 0) return true
  return keys.includes(key) || prefixes.some((prefix) => key.startsWith(prefix))
}

export function foundIn({ batches }: Pick<ConsumeStreamResponse, 'batches'>): Found[] {
  return batches.flatMap(({ origin, epoch, baseOffset, timestamp, batch, offsetDeltas }) =>
    (batch?.records ?? []).map((record, at) => ({
      origin,
      epoch: [epochA, epochB, epochC].find((each) => Buffer.from(epochToBytes(each)).equals(Buffer.from(epoch)))!,
      offset: Number(baseOffset) + (offsetDeltas.length > 0 ? offsetDeltas[at]! : at),
      timestamp,
      key: new TextDecoder().decode(record.key),
      bytes: batchBytes([record]).length,
    })),
  )
}

/** Comparable however logs were mixed: the order of each log, and with `order: timestamp` that of all. */
export function inOrder(found: Found[], asked: Asked): string[] {
  const lines = found.map(
    ({ origin, epoch, offset, key }) => `${origin}/${epoch}/${String(offset).padStart(4, '0')} ${key}`,
  )
  if (asked.order === ReadOrder.TIMESTAMP) return lines
  const logOf = (line: string) => line.slice(0, line.lastIndexOf('/'))
  // Stable: within a log they stay as they came.
  return lines.toSorted((one, other) => (logOf(one) < logOf(other) ? -1 : logOf(one) > logOf(other) ? 1 : 0))
}
