/** Small produces, one after the other or a few at a time; each is waited for. */

import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import { LogService, ProduceRequestSchema } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { quantile } from '../figure.ts'
import type { Target } from '../stage.ts'
import { connectGrpc, framed, type GrpcClient } from './grpc.ts'
import { libraryClient } from './send.ts'

export interface SingleRequest extends Target {
  /** `stream`: one ProduceStream, as a client library would; `unary`: a call each; `library`: ours, awaiting each `send`. */
  readonly how: 'stream' | 'unary' | 'library'
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
  readonly copies: number
  readonly inFlight: number
}

export interface Timed {
  readonly tookMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const clients = new Map<string, GrpcClient>()

export async function run(request: SingleRequest): Promise<Timed> {
  const produce = await producing(request)
  const callMs: number[] = []
  let begun = 0
  const worker = async () => {
    while (begun++ < request.records) {
      const callBeganMs = performance.now()
      await produce.one()
      callMs.push(performance.now() - callBeganMs)
    }
  }
  const beganMs = performance.now()
  await Promise.all(Array.from({ length: request.inFlight }, worker))
  const tookMs = performance.now() - beganMs
  await produce.end()
  return { tookMs, p50Ms: quantile(callMs, 0.5), p99Ms: quantile(callMs, 0.99) }
}

interface Producing {
  one(): Promise<unknown>
  end(): Promise<unknown>
}

async function producing(request: SingleRequest): Promise<Producing> {
  const { how, topic, copies, recordBytes } = request
  const value = new Uint8Array(recordBytes).fill(0x61)
  if (how === 'library') {
    const producer = libraryClient(request).producer({ topic, copies, lingerMs: 0 })
    return { one: () => producer.send({ value }), end: () => producer.close() }
  }
  const client = clients.get(request.address) ?? (await connectGrpc(request))
  clients.set(request.address, client)
  const wire = create(ProduceRequestSchema, { topic, copies, batch: { records: [{ value }] } })
  const message = framed(toBinary(ProduceRequestSchema, wire))
  if (how === 'unary') {
    return {
      one: () => {
        const call = client.raw(pathOf(LogService.method.produce), () => undefined)
        call.send(message)
        call.end()
        return call.ended
      },
      end: async () => undefined,
    }
  }
  let answered: () => void = () => undefined
  const call = client.call(pathOf(LogService.method.produceStream), () => answered())
  return {
    one: () => {
      const answer = new Promise<void>((resolve) => {
        answered = resolve
      })
      call.send(message)
      return Promise.race([answer, call.ended])
    },
    end: () => {
      call.end()
      return call.ended
    },
  }
}
