/** Writes to one node at a steady rate and reads at another: both by one clock. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { pathOf } from '../../../src/client/call.ts'
import {
  ConsumeStreamRequestSchema,
  LogService,
  ProduceStreamRequestSchema,
  ProduceStreamResponseSchema,
} from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { quantile } from '../figure.ts'
import type { Target } from '../stage.ts'
import { connectGrpc, framed, type GrpcClient } from './grpc.ts'

export interface LagRequest {
  readonly writeTo: Target
  readonly readFrom: Target
  readonly topic: string
  readonly recordsPerSecond: number
  readonly durationMs: number
  readonly recordBytes: number
}

export interface Lag {
  /** From a record's acknowledgement to its arrival; below zero where it came first. */
  readonly lagP50Ms: number
  readonly lagP99Ms: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly writtenPerSecond: number
}

/** Everything below this offset was acknowledged, or had arrived, by then. */
interface Mark {
  readonly end: number
  readonly atMs: number
}

/** A process that was held up has much to catch up with. */
const batchRecordsMax = 1000

const clients = new Map<string, GrpcClient>()

async function clientOf(target: Target): Promise<GrpcClient> {
  const client = clients.get(target.address) ?? (await connectGrpc(target))
  clients.set(target.address, client)
  return client
}

export async function run(request: LagRequest): Promise<Lag> {
  const arrivals: Mark[] = []
  let expected = Number.POSITIVE_INFINITY
  let arrived = () => {}
  const allArrived = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const question = create(ConsumeStreamRequestSchema, { topic: request.topic, follow: true })
  const reading = (await clientOf(request.readFrom)).call(pathOf(LogService.method.consumeStream), (message) => {
    const end = deliveredEnd(message)
    if (end === undefined) return
    arrivals.push({ end, atMs: performance.now() })
    if (end >= expected) arrived()
  })
  reading.send(framed(toBinary(ConsumeStreamRequestSchema, question)))
  reading.end()

  const { acks, ackMs, records, tookMs } = await write(await clientOf(request.writeTo), request)
  expected = records
  if ((arrivals.at(-1)?.end ?? 0) >= expected) arrived()
  await Promise.race([allArrived, reading.ended])
  reading.cancel()
  const lags = lagsOf(acks, arrivals)
  return {
    lagP50Ms: quantile(lags, 0.5),
    lagP99Ms: quantile(lags, 0.99),
    ackP50Ms: quantile(ackMs, 0.5),
    ackP99Ms: quantile(ackMs, 0.99),
    writtenPerSecond: (records * 1000) / tookMs,
  }
}

/** Each millisecond, what is due by then, in batches. */
async function write(client: GrpcClient, { topic, recordsPerSecond, durationMs, recordBytes }: LagRequest) {
  const acks: Mark[] = []
  const ackMs: number[] = []
  const sentMs: number[] = []
  const value = new Uint8Array(recordBytes).fill(0x61)
  const call = client.call(pathOf(LogService.method.produceStream), (answer) => {
    const { baseOffset, recordCount } = fromBinary(ProduceStreamResponseSchema, answer)
    const atMs = performance.now()
    ackMs.push(atMs - (sentMs[acks.length] as number))
    acks.push({ end: Number(baseOffset) + recordCount, atMs })
  })
  const beganMs = performance.now()
  let records = 0
  while (performance.now() - beganMs < durationMs) {
    const due = Math.floor(((performance.now() - beganMs) * recordsPerSecond) / 1000)
    while (records < due) {
      const batch = { records: new Array(Math.min(due - records, batchRecordsMax)).fill({ value }) }
      const wire = create(ProduceStreamRequestSchema, { topic, copies: 1, batch })
      sentMs.push(performance.now())
      call.send(framed(toBinary(ProduceStreamRequestSchema, wire)))
      records += batch.records.length
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const tookMs = performance.now() - beganMs
  call.end()
  await call.ended
  return { acks, ackMs, records, tookMs }
}

/** One for each record. */
function lagsOf(acks: readonly Mark[], arrivals: readonly Mark[]): number[] {
  const lags: number[] = []
  let ack = 0
  let arrival = 0
  const end = acks.at(-1)?.end ?? 0
  for (let offset = 0; offset < end; offset++) {
    while ((acks[ack] as Mark).end <= offset) ack++
    while ((arrivals[arrival] as Mark).end <= offset) arrival++
    lags.push((arrivals[arrival] as Mark).atMs - (acks[ack] as Mark).atMs)
  }
  return lags
}

/** The offset behind the last record of a ConsumeStreamResponse of one log; undefined where it has none. */
export function deliveredEnd(message: Uint8Array): number | undefined {
  let end: number | undefined
  fields(message, (field, reader) => {
    if (field !== 1) return false
    let base = 0
    let count = 0
    fields(reader.bytes(), (inner, batchReader) => {
      if (inner === 3) base = Number(batchReader.uint64())
      else if (inner === 5) {
        fields(batchReader.bytes(), () => {
          count++
          return false
        })
      } else return false
      return true
    })
    end = base + count
    return true
  })
  return end
}

/** `take` reads the value of a field, or says no. */
function fields(bytes: Uint8Array, take: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < bytes.length) {
    const [field, wireType] = reader.tag()
    if (!take(field, reader)) reader.skip(wireType)
  }
}
