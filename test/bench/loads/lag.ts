/** Writes to one node at a steady rate and reads at another: both by one clock. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import { WireReader } from '../../../src/client/wire.ts'
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
  /** By how many records: made once, or what this process collects would hold up what it measures. */
  const messages = new Map<number, Buffer>()
  const messageOf = (count: number): Buffer => {
    const known = messages.get(count)
    if (known) return known
    const batch = { records: new Array(count).fill({ value }) }
    const message = framed(
      toBinary(ProduceStreamRequestSchema, create(ProduceStreamRequestSchema, { topic, copies: 1, batch })),
    )
    messages.set(count, message)
    return message
  }
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
      const count = Math.min(due - records, batchRecordsMax)
      const message = messageOf(count)
      sentMs.push(performance.now())
      call.send(message)
      records += count
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
  const batches = new WireReader().over(message, 0, message.length)
  const fields = new WireReader()
  const records = new WireReader()
  while (batches.next()) {
    if (batches.field !== 1) continue
    let base = 0
    let count = 0
    fields.over(message, batches.from, batches.at)
    while (fields.next()) {
      if (fields.field === 3) base = fields.offset
      else if (fields.field === 5) {
        records.over(message, fields.from, fields.at)
        while (records.next()) count++
      }
    }
    end = base + count
  }
  return end
}
