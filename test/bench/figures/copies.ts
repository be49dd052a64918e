/** Batches that have to be on three nodes, beside a stream with three replicas. */

import { type Bench, type Contender, contest, type Row } from '../figure.ts'
import type { Produced, ProduceRequest } from '../loads/produce.ts'
import { natsName, natsVersion } from '../peers/nats.ts'
import { together } from '../stage.ts'
import { natsProducer, recordBytes } from './produce.ts'

const recordsPerBatch = 1000
const batchesInFlight = 16

export const copiesNames = {
  three: 'Reeve, batches of 1,000, 3 copies',
  nats: `${natsName}, 3 replicas, published asynchronously`,
} as const

export async function copies(bench: Bench): Promise<Row[]> {
  const { stage, quick, note } = bench
  const agents = await stage.agents(3)
  await together(agents)
  const target = await stage.target(agents[0]!)
  const load = await stage.load('produce')
  let runs = 0
  const contenders: Contender[] = [
    async (rows) => {
      const records = quick ? 300_000 : 2_000_000
      const request: ProduceRequest = {
        ...{ ...target, topic: `copies-${runs++}`, records, recordBytes, copies: 3 },
        ...{ recordsPerMessage: recordsPerBatch, messagesInFlight: batchesInFlight },
      }
      const { tookMs } = await load.ask<Produced>(request)
      const facts = { side: 'reeve', acks: 'fsync', beside: [copiesNames.nats] } as const
      rows.add(copiesNames.three, 'records/s', (records * 1000) / tookMs, facts)
    },
  ]
  if (natsVersion() === undefined) note('without JetStream: nats-server is not installed')
  else contenders.push(await natsProducer(bench, 3, copiesNames.nats, quick ? 20_000 : 100_000))
  const rows = await contest(bench, contenders)
  await stage.clear()
  return rows
}
