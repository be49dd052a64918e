/** Writes to one node through ProduceStream as fast as it takes it, as a client in any language might. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import {
  LogService,
  ProduceStreamRequestSchema,
  ProduceStreamResponseSchema,
} from '../../../src/gen/reeve/v1/log_service_pb.ts'
import type { Target } from '../stage.ts'
import { connectGrpc, framed, type GrpcClient, repeated } from './grpc.ts'

export interface ProduceRequest extends Target {
  readonly topic: string
  readonly records: number
  readonly recordBytes: number
  readonly recordsPerMessage: number
  readonly messagesInFlight: number
  readonly copies: number
  /** The server is a bare one: it drops everything. */
  readonly dropped?: boolean
}

export interface Produced {
  readonly tookMs: number
  /** Messages whose acknowledgements came in one turn of the event loop, in order: what one commit of the node took. */
  readonly groups: number[]
}

/** As many messages as one write may hold. */
const writeBytes = 64 * 1024

const clients = new Map<string, GrpcClient>()

export async function run(request: ProduceRequest): Promise<Produced> {
  const { topic, records, recordBytes, recordsPerMessage, messagesInFlight, copies } = request
  const client = clients.get(request.address) ?? (await connectGrpc(request))
  clients.set(request.address, client)
  const batch = { records: Array.from({ length: recordsPerMessage }, () => ({ value: new Uint8Array(recordBytes) })) }
  const encode = (name: string) =>
    framed(toBinary(ProduceStreamRequestSchema, create(ProduceStreamRequestSchema, { topic: name, copies, batch })))
  const first = encode(topic)
  const later = encode('')
  const perWrite = Math.max(1, Math.min(messagesInFlight, Math.floor(writeBytes / later.length)))
  const many = repeated(later, perWrite)
  const messages = records / recordsPerMessage
  const groups: number[] = []
  let sent = 0
  let acked = 0
  let group = 0
  let last: Buffer | undefined

  const call = client.call(pathOf(LogService.method.produceStream), (answer) => {
    acked++
    last = answer
    if (group++ === 0) setImmediate(endTurn)
  })

  /** One write for all that one turn's acknowledgements let go. */
  function endTurn(): void {
    groups.push(group)
    group = 0
    fill()
    if (acked === messages) call.end()
  }

  function fill(): void {
    for (;;) {
      const free = Math.min(messages - sent, messagesInFlight - (sent - acked))
      if (free <= 0) return
      const count = Math.min(free, perWrite)
      call.send(many.subarray(0, count * later.length))
      sent += count
    }
  }

  const beganMs = performance.now()
  call.send(first)
  sent = 1
  fill()
  await call.ended
  const tookMs = performance.now() - beganMs
  if (request.dropped) return { tookMs, groups }
  const { baseOffset, recordCount } = fromBinary(ProduceStreamResponseSchema, last!)
  if (Number(baseOffset) + recordCount !== records) throw new Error(`${topic} ends at ${baseOffset} + ${recordCount}`)
  return { tookMs, groups }
}
