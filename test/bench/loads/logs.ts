/** Makes many logs: one record to each of many topics. */

import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import { LogService, ProduceRequestSchema } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import type { Target } from '../stage.ts'
import { connectGrpc, framed, type GrpcClient } from './grpc.ts'

export interface LogsRequest extends Target {
  /** The topics are numbered from here. */
  readonly from: number
  readonly count: number
}

const inFlight = 32
let client: GrpcClient | undefined

export async function run(request: LogsRequest): Promise<void> {
  client ??= await connectGrpc(request)
  const to = client
  let next = request.from
  const worker = async () => {
    while (next < request.from + request.count) {
      const batch = { records: [{ value: new Uint8Array(100) }] }
      const wire = create(ProduceRequestSchema, { topic: `topic-${next++}`, batch })
      const call = to.raw(pathOf(LogService.method.produce), () => undefined)
      call.send(framed(toBinary(ProduceRequestSchema, wire)))
      call.end()
      await call.ended
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
