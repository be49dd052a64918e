/** One client that writes batches as fast as one node takes them. */

import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../src/client/call.ts'
import type { RpcChannel } from '../../src/env/env.ts'
import { LogService, ProduceStreamRequestSchema } from '../../src/gen/reeve/v1/log_service_pb.ts'

export const recordsPerBatch = 1000
export const recordBytes = 100
const batchesInFlight = 8

export interface Flood {
  readonly tookMs: number
  /** Batches whose acknowledgements came in one turn of the event loop, in order: what one commit of the node took. */
  readonly groups: number[]
}

export function flood(channel: RpcChannel, topic: string, batches: number): Promise<Flood> {
  const records = Array.from({ length: recordsPerBatch }, () => ({ value: new Uint8Array(recordBytes) }))
  const request = create(ProduceStreamRequestSchema, { topic, copies: 1, batch: { records } })
  const message = toBinary(ProduceStreamRequestSchema, request)
  return new Promise((resolve, reject) => {
    const groups: number[] = []
    let sent = 0
    let acked = 0
    let group = 0
    const call = channel.call(
      pathOf(LogService.method.produceStream),
      {},
      {
        message: () => {
          acked++
          if (group++ === 0) setImmediate(endGroup)
          if (sent < batches) send()
          else if (acked === batches) call.end()
        },
        closed: (error) => (error ? reject(error) : resolve({ tookMs: performance.now() - beganMs, groups })),
      },
    )
    const beganMs = performance.now()
    while (sent < Math.min(batchesInFlight, batches)) send()

    function send(): void {
      sent++
      call.send(message)
    }

    function endGroup(): void {
      groups.push(group)
      group = 0
    }
  })
}
