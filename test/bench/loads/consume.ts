/** Reads a topic of one node from its start. */

import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import type { ConsumedRecord } from '../../../src/client/record.ts'
import { ConsumeStreamRequestSchema, LogService } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import type { Target } from '../stage.ts'
import { connectGrpc, framed, type GrpcClient } from './grpc.ts'
import { libraryClient } from './send.ts'

export type ConsumeRequest = Target & {
  readonly records: number
  readonly recordBytes: number
} & (
    | { readonly how: 'library'; readonly topic: string }
    /** Each record as well, but those that came together without waiting for each. */
    | { readonly how: 'together'; readonly topic: string }
    /** Messages as they come, not decoded. */
    | { readonly how: 'messages'; readonly topic: string; readonly recordsPerMessage: number }
    /** Of a bare server: so many messages of so many bytes. */
    | { readonly how: 'feed'; readonly messageBytes: number; readonly messages: number }
  )

export interface Consumed {
  readonly tookMs: number
  readonly bytes: number
  readonly messages: number
}

const clients = new Map<string, GrpcClient>()

export async function run(request: ConsumeRequest): Promise<Consumed> {
  if (request.how === 'library' || request.how === 'together') {
    const { topic, records, recordBytes } = request
    const beganMs = performance.now()
    const consumer = libraryClient(request).consumer({ topic, maxRecords: records })
    let got = 0
    const check = ({ offset, value }: ConsumedRecord) => {
      if (offset !== got++ || value.length !== recordBytes) throw new Error(`offset ${offset} came at ${got - 1}`)
    }
    if (request.how === 'library') for await (const record of consumer) check(record)
    else for await (const batch of consumer.batches()) for (const record of batch) check(record)
    const tookMs = performance.now() - beganMs
    if (got !== records) throw new Error(`${got} records came of ${records}`)
    return { tookMs, bytes: records * recordBytes, messages: records }
  }
  const client = clients.get(request.address) ?? (await connectGrpc(request))
  clients.set(request.address, client)
  let bytes = 0
  let messages = 0
  const path = request.how === 'feed' ? '/feed' : pathOf(LogService.method.consumeStream)
  const beganMs = performance.now()
  const call = client.call(path, (message) => {
    bytes += message.length
    messages++
  })
  call.send(framed(questionOf(request)))
  call.end()
  await call.ended
  const tookMs = performance.now() - beganMs
  const least = request.how === 'feed' ? request.messages * request.messageBytes : request.records * request.recordBytes
  if (bytes < least) throw new Error(`${bytes} bytes came of at least ${least}`)
  return { tookMs, bytes, messages }
}

function questionOf(request: Exclude<ConsumeRequest, { how: 'library' | 'together' }>): Uint8Array {
  if (request.how === 'feed') {
    const question = Buffer.alloc(8)
    question.writeUInt32BE(request.messageBytes)
    question.writeUInt32BE(request.messages, 4)
    return question
  }
  const { topic, records, recordsPerMessage } = request
  const wire = create(ConsumeStreamRequestSchema, { topic, maxRecords: BigInt(records), recordsPerMessage })
  return toBinary(ConsumeStreamRequestSchema, wire)
}
