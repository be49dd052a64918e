/** Many records to one node, beside what the peers and the machine do with as many. */

import { type Bench, type Contender, contest, type Row, type RowFacts } from '../figure.ts'
import type { DiskRequest, Written } from '../loads/disk.ts'
import type { NatsRequest, NatsResult } from '../loads/nats.ts'
import type { Produced, ProduceRequest } from '../loads/produce.ts'
import type { RedisRequest } from '../loads/redis.ts'
import type { SendRequest } from '../loads/send.ts'
import { natsName, natsVersion, startNats } from '../peers/nats.ts'
import { type AppendFsync, addToRedis, redisAcks, redisName, redisVersion, startRedis } from '../peers/redis.ts'
import type { Target } from '../stage.ts'

export const recordBytes = 100
/** What a record takes in a batch on disk, nearly: two bytes of protobuf around the value and two around the record. */
const storedBytes = recordBytes + 4
const recordsPerBatch = 1000
const batchesInFlight = 16
const singlesInFlight = 4096
/** As NATS' own C client is usually run. */
const natsInFlight = 8192

export const produceNames = {
  batches: 'Reeve, batches of 1,000',
  library: 'Reeve, one by one through its library',
  singles: 'Reeve, one a message, foreign client',
  redis: { always: `${redisName.always}, 64 in a pipeline`, everysec: `${redisName.everysec}, 64 in a pipeline` },
  nats: `${natsName}, published asynchronously`,
  disk: 'disk, write + fdatasync of the same groups',
  http2: 'node:http2, batches acknowledged and dropped',
} as const

export async function produce(bench: Bench): Promise<Row[]> {
  const { stage, quick, note } = bench
  const [agent] = await stage.agents(1)
  const { contenders, lastGroups } = await reeveProducers(bench, await stage.target(agent!), {
    batches: { name: produceNames.batches, beside: besides() },
    library: { name: produceNames.library, beside: besides() },
    singles: { name: produceNames.singles, beside: besides() },
  })
  if (redisVersion() === undefined) note('without Redis: redis-server and redis-benchmark are not both installed')
  else for (const fsync of ['always', 'everysec'] as const) contenders.push(await redisProducer(bench, fsync))
  if (natsVersion() === undefined) note('without JetStream: nats-server is not installed')
  else contenders.push(await natsProducer(bench, 1, produceNames.nats, quick ? 60_000 : 300_000))

  const disk = await stage.load('disk')
  const folder = stage.folder()
  contenders.push(async (rows) => {
    const groups = lastGroups()
    const request: DiskRequest = { folder, bytes: storedBytes * recordsPerBatch, groups }
    const { tookMs } = await disk.ask<Written>(request)
    const records = groups.reduce((sum, count) => sum + count, 0) * recordsPerBatch
    rows.add(produceNames.disk, 'records/s', (records * 1000) / tookMs, { side: 'limit', acks: 'fsync' })
  })
  contenders.push(await bareProducer(bench))
  const rows = await contest(bench, contenders)
  await stage.clear()
  return rows
}

function besides(): string[] {
  const { redis, nats, disk } = produceNames
  return [redis.always, redis.everysec, nats, disk]
}

export interface Producer {
  readonly name: string
  readonly beside?: readonly string[]
}

/** Batches, the library and single messages, each against its own topic of a run; the last groups of the batches. */
export async function reeveProducers(
  { stage, quick }: Pick<Bench, 'stage' | 'quick'>,
  target: Target,
  names: { readonly batches: Producer; readonly library: Producer; readonly singles: Producer },
): Promise<{ contenders: Contender[]; lastGroups: () => number[] }> {
  const [batchLoad, singleLoad, sendLoad] = [
    await stage.load('produce'),
    await stage.load('produce'),
    await stage.load('send'),
  ]
  const factsOf = ({ beside }: Producer): RowFacts => ({ side: 'reeve', acks: 'fsync', ...(beside && { beside }) })
  let groups: number[] = []
  let runs = 0
  const stream = { ...target, recordBytes, copies: 1 }
  const batches: Contender = async (rows) => {
    const records = quick ? 1_000_000 : 4_000_000
    const request: ProduceRequest = {
      ...stream,
      ...{ topic: `batches-${runs++}`, records, recordsPerMessage: recordsPerBatch, messagesInFlight: batchesInFlight },
    }
    const produced = await batchLoad.ask<Produced>(request)
    groups = produced.groups
    rows.add(names.batches.name, 'records/s', (records * 1000) / produced.tookMs, factsOf(names.batches))
  }
  const library: Contender = async (rows) => {
    const records = quick ? 200_000 : 1_000_000
    const request: SendRequest = { ...target, topic: `library-${runs++}`, records, recordBytes }
    const { tookMs } = await sendLoad.ask<{ tookMs: number }>(request)
    rows.add(names.library.name, 'records/s', (records * 1000) / tookMs, factsOf(names.library))
  }
  const singles: Contender = async (rows) => {
    const records = quick ? 200_000 : 1_000_000
    const request: ProduceRequest = {
      ...stream,
      ...{ topic: `singles-${runs++}`, records, recordsPerMessage: 1, messagesInFlight: singlesInFlight },
    }
    const { tookMs } = await singleLoad.ask<Produced>(request)
    rows.add(names.singles.name, 'records/s', (records * 1000) / tookMs, factsOf(names.singles))
  }
  return { contenders: [batches, library, singles], lastGroups: () => groups }
}

/** The same messages, acknowledged by a server that does nothing else. */
async function bareProducer({ stage, quick }: Bench): Promise<Contender> {
  const [server, client] = [await stage.load('bare'), await stage.load('produce')]
  const target = await server.ask<Target>({})
  return async (rows) => {
    const records = quick ? 1_000_000 : 4_000_000
    const request: ProduceRequest = {
      ...{ ...target, topic: 'none', records, recordBytes, copies: 1, dropped: true },
      ...{ recordsPerMessage: recordsPerBatch, messagesInFlight: batchesInFlight },
    }
    const { tookMs } = await client.ask<Produced>(request)
    rows.add(produceNames.http2, 'records/s', (records * 1000) / tookMs, { side: 'limit' })
  }
}

async function redisProducer({ stage, quick }: Bench, fsync: AppendFsync): Promise<Contender> {
  const port = await startRedis(stage, fsync)
  const client = await stage.load('redis')
  return async (rows) => {
    const perSecond = await addToRedis(stage, { port, records: quick ? 100_000 : 500_000, recordBytes })
    rows.add(produceNames.redis[fsync], 'records/s', perSecond, { side: 'peer', acks: redisAcks[fsync] })
    await client.ask({ port, task: 'remove' } satisfies RedisRequest)
  }
}

export async function natsProducer(
  { stage }: Bench,
  servers: 1 | 3,
  name: string,
  records: number,
): Promise<Contender> {
  const client = await stage.load('nats')
  const port = await startNats(stage, servers, client)
  return async (rows) => {
    const request: NatsRequest = { port, task: 'publish', records, recordBytes, inFlight: natsInFlight }
    const { tookMs } = await client.ask<NatsResult>(request)
    rows.add(name, 'records/s', (records * 1000) / tookMs, { side: 'peer', acks: 'no fsync' })
    await client.ask({ port, task: 'purge' } satisfies NatsRequest)
  }
}
