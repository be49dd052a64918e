/** One record at a time, each awaited: what a caller waits for. */

import { type Bench, type Contender, contest, quantile, type Row, type RowFacts } from '../figure.ts'
import type { BareRequest } from '../loads/bare.ts'
import type { DiskRequest, Written } from '../loads/disk.ts'
import type { NatsRequest, NatsResult } from '../loads/nats.ts'
import type { RedisRequest, RedisResult } from '../loads/redis.ts'
import type { SingleRequest, Timed } from '../loads/single.ts'
import { natsName, natsVersion, startNats } from '../peers/nats.ts'
import { redisAcks, redisName, redisVersion, startRedis } from '../peers/redis.ts'
import { type Target, together } from '../stage.ts'
import { recordBytes } from './produce.ts'

const both = (name: string) => ({ p50: `${name}: p50`, p99: `${name}: p99` })

export const singleNames = {
  reeve: both('Reeve'),
  library: both('Reeve, through its library'),
  unary: both('Reeve, a call each'),
  two: both('Reeve, 2 copies of 3 nodes'),
  always: both(redisName.always),
  everysec: both(redisName.everysec),
  nats: both(natsName),
  nats3: both(`${natsName}, 3 replicas`),
  disk: both('disk, write + fdatasync'),
  bare: both('node:http2, write + fdatasync over zeros'),
} as const

type Name = keyof typeof singleNames

export async function single(bench: Bench): Promise<Row[]> {
  const { stage, quick, note } = bench
  const records = quick ? 500 : 3000
  const agents = await stage.agents(3)
  await together(agents)
  const [lone] = await stage.agents(1)
  const one = await stage.target(lone!)
  const contenders: Contender[] = [
    await singles(bench, one, 'reeve', 'stream', 1, records),
    await singles(bench, one, 'library', 'library', 1, records),
    await singles(bench, one, 'unary', 'unary', 1, records),
    await singles(bench, await stage.target(agents[0]!), 'two', 'stream', 2, records),
  ]
  if (redisVersion() === undefined) note('without Redis: redis-server and redis-benchmark are not both installed')
  else {
    for (const fsync of ['always', 'everysec'] as const) {
      const port = await startRedis(stage, fsync)
      const client = await stage.load('redis')
      contenders.push(async (rows) => {
        const request: RedisRequest = { port, task: 'add one by one', records, recordBytes }
        const { callMs } = await client.ask<RedisResult>(request)
        add(rows, fsync, quantilesOf(callMs), { side: 'peer', acks: redisAcks[fsync] })
      })
    }
  }
  if (natsVersion() === undefined) note('without JetStream: nats-server is not installed')
  else {
    for (const [name, servers] of [
      ['nats', 1],
      ['nats3', 3],
    ] as const) {
      const client = await stage.load('nats')
      const port = await startNats(stage, servers, client)
      contenders.push(async (rows) => {
        const request: NatsRequest = { port, task: 'publish', records, recordBytes, inFlight: 1 }
        const { callMs } = await client.ask<NatsResult>(request)
        add(rows, name, quantilesOf(callMs), { side: 'peer', acks: 'no fsync' })
      })
    }
  }
  const bare = await stage.load('bare')
  const server = await bare.ask<Target>({ folder: stage.folder() } satisfies BareRequest)
  contenders.push(await singles(bench, server, 'bare', 'stream', 1, records, { side: 'limit', acks: 'fsync' }))
  const disk = await stage.load('disk')
  const folder = stage.folder()
  contenders.push(async (rows) => {
    const request: DiskRequest = { folder, bytes: recordBytes, groups: new Array(records).fill(1) }
    const { syncMs } = await disk.ask<Written>(request)
    add(rows, 'disk', quantilesOf(syncMs), { side: 'limit', acks: 'fsync' })
  })
  const rows = await contest(bench, contenders)
  await stage.clear()
  return rows
}

async function singles(
  { stage }: Bench,
  target: Target,
  name: Name,
  how: SingleRequest['how'],
  copies: number,
  records: number,
  facts: RowFacts = { side: 'reeve', acks: 'fsync' },
): Promise<Contender> {
  const load = await stage.load('single')
  const topic = `single-${name}`
  return async (rows) => {
    const timed = await load.ask<Timed>({
      ...target,
      ...{ how, topic, records, recordBytes, copies, inFlight: 1 },
    } satisfies SingleRequest)
    const beside: Name[] = copies > 1 ? ['nats3'] : ['always', 'nats', 'disk', 'bare']
    add(rows, name, timed, facts, facts.side === 'reeve' ? beside : [])
  }
}

function quantilesOf(callMs: readonly number[]): Pick<Timed, 'p50Ms' | 'p99Ms'> {
  return { p50Ms: quantile(callMs, 0.5), p99Ms: quantile(callMs, 0.99) }
}

function add(
  rows: { add(name: string, unit: 'ms', sample: number, facts: RowFacts): void },
  name: Name,
  { p50Ms, p99Ms }: Pick<Timed, 'p50Ms' | 'p99Ms'>,
  facts: RowFacts,
  beside: readonly Name[] = [],
): void {
  for (const [which, ms] of [
    ['p50', p50Ms],
    ['p99', p99Ms],
  ] as const) {
    const others = beside.map((other) => singleNames[other][which])
    rows.add(singleNames[name][which], 'ms', ms, { ...facts, ...(others.length > 0 && { beside: others }) })
  }
}
