import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../src/client/call.ts'
import type { RpcChannel } from '../../src/env/env.ts'
import { ConsumeStreamRequestSchema, LogService } from '../../src/gen/reeve/v1/log_service_pb.ts'
import { type Bench, type Row, Rows } from './figure.ts'
import { flood, recordsPerBatch } from './flood.ts'

const topic = 'consume'

export async function consume({ stage, repetitions, quick }: Bench): Promise<Row[]> {
  const rows = new Rows()
  const batches = quick ? 500 : 2000
  const records = batches * recordsPerBatch
  const [agent] = await stage.agents(1)
  const { channel, client } = await stage.clientOf(agent!)
  await flood(channel, topic, batches)
  for (let n = 0; n < repetitions; n++) {
    const streamMs = await readBytes(channel, records)
    rows.add('stream, not decoded', 'records/s', (records * 1000) / streamMs)

    const beganMs = performance.now()
    let got = 0
    for await (const { offset } of client.consumer({ topic, maxRecords: records })) {
      if (offset !== got++) throw new Error(`offset ${offset} came where ${got - 1} was due`)
    }
    if (got !== records) throw new Error(`${got} records came of ${records}`)
    rows.add('client library, each record an object', 'records/s', (records * 1000) / (performance.now() - beganMs))
  }
  await stage.clear()
  return rows.list()
}

/** The server ends the stream after so many records. */
function readBytes(channel: RpcChannel, records: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const beganMs = performance.now()
    const call = channel.call(
      pathOf(LogService.method.consumeStream),
      {},
      {
        message: () => undefined,
        closed: (error) => (error ? reject(error) : resolve(performance.now() - beganMs)),
      },
    )
    call.send(
      toBinary(
        ConsumeStreamRequestSchema,
        create(ConsumeStreamRequestSchema, { topic, maxRecords: BigInt(records), follow: true }),
      ),
    )
    call.end()
  })
}
