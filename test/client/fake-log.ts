/** Servers that take batches, as the scenarios about producers need them. */

import type { ProducerOptions } from '../../src/client/producer.ts'
import {
  type ProduceStreamRequest,
  ProduceStreamRequestSchema,
  ProduceStreamResponseSchema,
} from '../../src/gen/reeve/v1/log_service_pb.ts'
import { clientOf, epochBytes, type FakeCall, type FakeCluster, type Handler, read } from './fake-cluster.ts'

export const producerOf = (cluster: FakeCluster, options: Partial<ProducerOptions> = {}, timeoutMs?: number) =>
  clientOf(cluster, timeoutMs).producer({ topic: 't', ...options })

/** A node's log: keeps the batches and acknowledges each. */
export function logOf(digit: number): { handler: Handler; batches: ProduceStreamRequest[] } {
  const batches: ProduceStreamRequest[] = []
  let end = 0
  const handler: Handler = (call) => {
    call.onMessage = (bytes) => {
      const request = read(ProduceStreamRequestSchema, bytes)
      batches.push(request)
      acknowledge(call, digit, end, request.batch!.records.length)
      end += request.batch!.records.length
    }
  }
  return { handler, batches }
}

export function acknowledge(call: FakeCall, digit: number, baseOffset: number, recordCount: number): void {
  call.send(ProduceStreamResponseSchema, {
    log: { topic: 't', origin: `node-${digit}`, epoch: epochBytes(digit) },
    baseOffset: BigInt(baseOffset),
    recordCount,
    copies: 1,
  })
}

/** Takes batches, says nothing, and tells when it has so many. */
export function silent(count: number): {
  handler: Handler
  calls: FakeCall[]
  requests: ProduceStreamRequest[]
  full: Promise<void>
} {
  let tell: () => void = () => undefined
  const full = new Promise<void>((resolve) => {
    tell = resolve
  })
  const [calls, requests]: [FakeCall[], ProduceStreamRequest[]] = [[], []]
  const handler: Handler = (call) => {
    calls.push(call)
    call.onMessage = (bytes) => {
      requests.push(read(ProduceStreamRequestSchema, bytes))
      if (requests.length === count) tell()
    }
  }
  return { handler, calls, requests, full }
}

export const firstValues = (requests: readonly ProduceStreamRequest[]) =>
  requests.map(({ batch }) => new TextDecoder().decode(batch!.records[0]!.value))
