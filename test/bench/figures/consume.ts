/** All records of one node from the start. */

import { type Bench, type Contender, contest, type Row, type RowFacts, type Rows } from '../figure.ts'
import type { Consumed, ConsumeRequest } from '../loads/consume.ts'
import type { NatsRequest, NatsResult } from '../loads/nats.ts'
import type { ProduceRequest } from '../loads/produce.ts'
import type { RedisRequest, RedisResult } from '../loads/redis.ts'
import { natsName, natsVersion, startNats } from '../peers/nats.ts'
import { addToRedis, redisName, redisVersion, startRedis } from '../peers/redis.ts'
import type { Stage, Target } from '../stage.ts'
import { recordBytes } from './produce.ts'

const topic = 'consume'
/** As large as those that a node sends. */
const feedBytes = 256 * 1024

export const consumeNames = {
  library: 'Reeve, each record an object of its library',
  together: 'Reeve, the same, batch by batch',
  batches: 'Reeve, batches as bytes',
  singles: 'Reeve, one a message, foreign client',
  redis: `${redisName.everysec}, XREAD COUNT 1000`,
  nats: `${natsName}, pull consumer`,
  feed: 'node:http2, messages of 256 KiB from memory',
} as const

export async function consume(bench: Bench): Promise<Row[]> {
  const { stage, quick, note } = bench
  const records = quick ? 1_000_000 : 4_000_000
  const peerRecords = quick ? 200_000 : 500_000
  const [agent] = await stage.agents(1)
  const target = await stage.target(agent!)
  await fill(stage, target, topic, records)
  const contenders = await reeveConsumers(bench, target, records, {
    library: { name: consumeNames.library, beside: [consumeNames.redis, consumeNames.nats] },
    together: { name: consumeNames.together, beside: [consumeNames.redis, consumeNames.nats] },
    batches: { name: consumeNames.batches, beside: [consumeNames.feed] },
    singles: { name: consumeNames.singles, beside: [consumeNames.redis, consumeNames.nats] },
  })
  if (redisVersion() === undefined) note('without Redis: redis-server and redis-benchmark are not both installed')
  else {
    const port = await startRedis(stage, 'everysec')
    await addToRedis(stage, { port, records: peerRecords, recordBytes })
    const client = await stage.load('redis')
    contenders.push(async (rows) => {
      const request: RedisRequest = { port, task: 'read', records: peerRecords, recordBytes }
      const { tookMs } = await client.ask<RedisResult>(request)
      rows.add(consumeNames.redis, 'records/s', (peerRecords * 1000) / tookMs, { side: 'peer' })
    })
  }
  if (natsVersion() === undefined) note('without JetStream: nats-server is not installed')
  else {
    const client = await stage.load('nats')
    const port = await startNats(stage, 1, client)
    const stored: NatsRequest = { port, task: 'publish', records: peerRecords, recordBytes, inFlight: 8192 }
    await client.ask(stored)
    contenders.push(async (rows) => {
      const request: NatsRequest = { port, task: 'read', records: peerRecords, recordBytes }
      const { tookMs } = await client.ask<NatsResult>(request)
      rows.add(consumeNames.nats, 'records/s', (peerRecords * 1000) / tookMs, { side: 'peer' })
    })
  }
  const [server, client] = [await stage.load('bare'), await stage.load('consume')]
  const bare = await server.ask<Target>({})
  contenders.push(async (rows) => {
    const messages = Math.ceil((records * recordBytes) / feedBytes)
    const request: ConsumeRequest = { ...bare, how: 'feed', messages, messageBytes: feedBytes, records, recordBytes }
    const { tookMs, bytes } = await client.ask<Consumed>(request)
    rows.add(consumeNames.feed, 'MB/s', bytes / 1000 / tookMs, { side: 'limit' })
  })
  const rows = await contest(bench, contenders)
  await stage.clear()
  return rows
}

/** Written before anything is measured. */
export async function fill(stage: Stage, target: Target, name: string, records: number): Promise<void> {
  const load = await stage.load('produce')
  const request: ProduceRequest = {
    ...{ ...target, topic: name, records, recordBytes, copies: 1, recordsPerMessage: 1000, messagesInFlight: 16 },
  }
  await load.ask(request)
  await load.end()
}

export interface Reader {
  readonly name: string
  readonly beside?: readonly string[]
}

/** Reads the topic `consume` in four ways; one of them only where it has a name. */
export async function reeveConsumers(
  { stage, note }: Bench,
  target: Target,
  records: number,
  names: { readonly library: Reader; readonly together?: Reader; readonly batches: Reader; readonly singles: Reader },
): Promise<Contender[]> {
  const [library, batches, singles] = [
    await stage.load('consume'),
    await stage.load('consume'),
    await stage.load('consume'),
  ]
  const { together } = names
  const byBatch = together && (await stage.load('consume'))
  const factsOf = ({ beside }: Reader): RowFacts => ({ side: 'reeve', ...(beside && { beside }) })
  const common = { ...target, topic, records, recordBytes }
  return [
    async (rows) => {
      const { tookMs } = await library.ask<Consumed>({ ...common, how: 'library' } satisfies ConsumeRequest)
      rows.add(names.library.name, 'records/s', (records * 1000) / tookMs, factsOf(names.library))
    },
    ...(together && byBatch
      ? [
          async (rows: Rows) => {
            const { tookMs } = await byBatch.ask<Consumed>({ ...common, how: 'together' } satisfies ConsumeRequest)
            rows.add(together.name, 'records/s', (records * 1000) / tookMs, factsOf(together))
          },
        ]
      : []),
    async (rows) => {
      const request: ConsumeRequest = { ...common, how: 'messages', recordsPerMessage: 0 }
      const { tookMs, bytes } = await batches.ask<Consumed>(request)
      rows.add(names.batches.name, 'MB/s', bytes / 1000 / tookMs, factsOf(names.batches))
    },
    async (rows) => {
      const request: ConsumeRequest = { ...common, how: 'messages', recordsPerMessage: 1 }
      const { tookMs, messages } = await singles.ask<Consumed>(request)
      if (messages < records) note(`${names.singles.name}: left out, this node sends several records a message`)
      else rows.add(names.singles.name, 'records/s', (records * 1000) / tookMs, factsOf(names.singles))
    },
  ]
}
