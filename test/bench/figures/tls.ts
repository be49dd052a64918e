/** What TLS costs: each figure with it and without, in turn. */

import { type Bench, type Contender, contest, type Row } from '../figure.ts'
import type { SingleRequest, Timed } from '../loads/single.ts'
import { type Target, together } from '../stage.ts'
import { fill, reeveConsumers } from './consume.ts'
import { lagging } from './lag.ts'
import { recordBytes, reeveProducers } from './produce.ts'
import { backlog } from './replicate.ts'
import { byNode } from './unary.ts'

const sides = [
  { suffix: ', plain', tls: false },
  { suffix: ', TLS', tls: true },
] as const

const names = {
  produceBatches: 'produce, batches of 1,000',
  produceLibrary: 'produce one by one through the library',
  produceSingles: 'produce, one a message, foreign client',
  single: 'one record at a time: p50',
  unary: 'unary, 32 in flight, client in Node',
  consumeLibrary: 'consume, each record an object',
  consumeBatches: 'consume, batches as bytes',
  consumeSingles: 'consume, one a message, foreign client',
  replicate: 'a backlog to one follower',
} as const

type Side = (typeof sides)[number]

/** What it measures on one side. */
type Part = (bench: Bench, side: Side) => Promise<Contender[]>

export async function tls(bench: Bench): Promise<Row[]> {
  const rows: Row[] = []
  for (const part of [producing, consuming, lags, replicating] satisfies Part[]) {
    const [plain, secured] = [await part(bench, sides[0]), await part(bench, sides[1])]
    // A figure and its like with TLS beside each other.
    const inTurn = plain.flatMap((contender, index) => [contender, secured[index] as Contender])
    rows.push(...(await contest(bench, inTurn)))
    await bench.stage.clear()
  }
  return rows
}

const producing: Part = async (bench, side) => {
  const { stage, quick } = bench
  const [target] = (await nodes(bench, side, 1)) as [Target]
  const produced = await reeveProducers(bench, target, {
    batches: row('produceBatches', side),
    library: row('produceLibrary', side),
    singles: row('produceSingles', side),
  })
  const load = await stage.load('single')
  const { name: singleName, ...singleFacts } = row('single', side)
  const single: Contender = async (rows) => {
    const request: SingleRequest = {
      ...{
        ...target,
        how: 'stream',
        topic: 'single',
        records: quick ? 500 : 3000,
        recordBytes,
        copies: 1,
        inFlight: 1,
      },
    }
    const { p50Ms } = await load.ask<Timed>(request)
    rows.add(singleName, 'ms', p50Ms, { side: 'reeve', acks: 'fsync', ...singleFacts })
  }
  const { name, ...facts } = row('unary', side)
  const unary = await byNode(bench, target, name, { side: 'reeve', acks: 'fsync', ...facts })
  return [...produced.contenders, single, unary]
}

const consuming: Part = async (bench, side) => {
  const records = bench.quick ? 1_000_000 : 4_000_000
  const [target] = (await nodes(bench, side, 1)) as [Target]
  await fill(bench.stage, target, 'consume', records)
  return reeveConsumers(bench, target, records, {
    library: row('consumeLibrary', side),
    batches: row('consumeBatches', side),
    singles: row('consumeSingles', side),
  })
}

const lags: Part = async (bench, side) => {
  const [writeTo, readFrom] = (await nodes(bench, side, 2)) as [Target, Target]
  const beside = side.tls ? sides[0].suffix : undefined
  return [await lagging(bench, writeTo, readFrom, 'slow', side.suffix, beside)]
}

const replicating: Part = async (bench, side) => {
  const { name, beside = [] } = row('replicate', side)
  return [await backlog(bench, bench.quick ? 1_000_000 : 5_000_000, name, beside, side.tls)]
}

function row(name: keyof typeof names, { suffix, tls }: Side): { name: string; beside?: readonly string[] } {
  return { name: `${names[name]}${suffix}`, ...(tls && { beside: [`${names[name]}${sides[0].suffix}`] }) }
}

/** That know each other. */
async function nodes({ stage }: Bench, { tls }: Side, count: number): Promise<Target[]> {
  const made = tls ? await stage.tls(['node-1', 'node-2']) : undefined
  const agents = await stage.agents(count, (name) => made?.flagsOf.get(name) ?? [])
  if (count > 1) await together(agents)
  return Promise.all(agents.map((agent) => stage.target(agent, made?.caFile)))
}
