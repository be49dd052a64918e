/** Readers at the end of a topic that wait for what comes. */

import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import {
  ConsumeStreamRequestSchema,
  LogService,
  ProduceStreamRequestSchema,
} from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { quantile } from '../figure.ts'
import type { Target } from '../stage.ts'
import { connectGrpc, framed, type GrpcCall, type GrpcClient } from './grpc.ts'
import { deliveredEnd } from './lag.ts'

export type TailRequest = Target & { readonly topic: string } & (
    | { readonly task: 'open'; readonly readers: number }
    | { readonly task: 'close' }
    | { readonly task: 'wake'; readonly records: number; readonly recordBytes: number; readonly pauseMs: number }
  )

export interface Woken {
  /** From the acknowledgement of a record to its arrival; below zero where it came first. */
  readonly p50Ms: number
  readonly p99Ms: number
}

let client: GrpcClient | undefined
/** Of its own, so that nothing comes in one packet with an acknowledgement. */
let reader: GrpcClient | undefined
const open: GrpcCall[] = []

export async function run(request: TailRequest): Promise<Woken | undefined> {
  client ??= await connectGrpc(request)
  if (request.task === 'wake') {
    reader ??= await connectGrpc(request)
    return wake(client, reader, request)
  }
  if (request.task === 'close') for (const call of open.splice(0)) call.cancel()
  if (request.task === 'open') {
    for (let reader = 0; reader < request.readers; reader++) {
      // The first answer says that it is at the end.
      await new Promise<void>((resolve) => open.push(tail(client!, request.topic, () => resolve())))
    }
  }
  return undefined
}

function tail(to: GrpcClient, topic: string, message: (bytes: Buffer) => void): GrpcCall {
  const call = to.call(pathOf(LogService.method.consumeStream), message)
  call.send(framed(toBinary(ConsumeStreamRequestSchema, create(ConsumeStreamRequestSchema, { topic, follow: true }))))
  call.end()
  return call
}

/** One record after the other, and a pause before each. */
async function wake(
  to: GrpcClient,
  from: GrpcClient,
  { topic, records, recordBytes, pauseMs }: TailRequest & { task: 'wake' },
): Promise<Woken> {
  const value = new Uint8Array(recordBytes).fill(0x61)
  const wire = create(ProduceStreamRequestSchema, { topic, copies: 1, batch: { records: [{ value }] } })
  const message = framed(toBinary(ProduceStreamRequestSchema, wire))
  const lags: number[] = []
  let ackedMs: number | undefined
  let arrivedMs: number | undefined
  let both = () => {}
  const seen = () => {
    if (ackedMs !== undefined && arrivedMs !== undefined) both()
  }
  const reading = tail(from, topic, (bytes) => {
    if (deliveredEnd(bytes) === undefined) return
    arrivedMs = performance.now()
    seen()
  })
  const writing = to.call(pathOf(LogService.method.produceStream), () => {
    ackedMs = performance.now()
    seen()
  })
  for (let record = 0; record < records; record++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    ackedMs = arrivedMs = undefined
    const done = new Promise<void>((resolve) => {
      both = resolve
    })
    writing.send(message)
    await Promise.race([done, reading.ended, writing.ended])
    lags.push(arrivedMs! - ackedMs!)
  }
  writing.end()
  reading.cancel()
  await writing.ended
  return { p50Ms: quantile(lags, 0.5), p99Ms: quantile(lags, 0.99) }
}
