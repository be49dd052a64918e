/** Calls of one record each, 32 in flight, beside a handler that does nothing. */

import { create, toBinary } from '@bufbuild/protobuf'
import { pathOf } from '../../../src/client/call.ts'
import { LogService, ProduceRequestSchema } from '../../../src/gen/reeve/v1/log_service_pb.ts'
import { type Bench, type Contender, contest, type Row, type RowFacts } from '../figure.ts'
import { framed } from '../loads/grpc.ts'
import type { SingleRequest, Timed } from '../loads/single.ts'
import { callByH2load, h2loadVersion } from '../peers/h2load.ts'
import type { Process } from '../process.ts'
import type { Target } from '../stage.ts'
import { recordBytes } from './produce.ts'

const inFlight = 32

export const unaryNames = {
  reeve: 'Reeve, unary, 32 in flight, client in C',
  bare: 'node:http2, unary, answered and dropped, client in C',
  reeveNode: 'Reeve, unary, 32 in flight, client in Node',
  bareNode: 'node:http2, unary, answered and dropped, client in Node',
} as const

export async function unary(bench: Bench): Promise<Row[]> {
  const { stage, note } = bench
  const [agent] = await stage.agents(1)
  const server = await stage.load('bare')
  const reeve = await stage.target(agent!)
  const bare = await server.ask<Target>({})
  const contenders: Contender[] = []
  if (h2loadVersion() === undefined) note('without a client in C: h2load is not installed')
  else {
    contenders.push(
      byH2load(bench, reeve, unaryNames.reeve, { side: 'reeve', acks: 'fsync', beside: [unaryNames.bare] }, agent),
      byH2load(bench, bare, unaryNames.bare, { side: 'limit' }),
    )
  }
  contenders.push(
    await byNode(bench, reeve, unaryNames.reeveNode, { side: 'reeve', acks: 'fsync', beside: [unaryNames.bareNode] }),
    await byNode(bench, bare, unaryNames.bareNode, { side: 'limit' }),
  )
  const rows = await contest(bench, contenders)
  await stage.clear()
  return rows
}

/** With the agent it is looked whether all was stored. */
export function byH2load(
  { stage, quick }: Bench,
  target: Target,
  name: string,
  facts: RowFacts,
  agent?: Process,
): Contender {
  const count = quick ? 20_000 : 100_000
  let runs = 0
  return async (rows) => {
    const topic = `${target.caFile === undefined ? 'plain' : 'tls'}-${runs++}`
    const wire = create(ProduceRequestSchema, { topic, batch: { records: [{ value: new Uint8Array(recordBytes) }] } })
    const calls = { path: pathOf(LogService.method.produce), body: framed(toBinary(ProduceRequestSchema, wire)), count }
    rows.add(name, 'calls/s', await callByH2load(stage, target, { ...calls, inFlight }), facts)
    if (!agent) return
    const client = await stage.clientOf(agent, target.caFile)
    const [log] = (await client.topics(topic))[0]?.logs ?? []
    if (log?.end !== count) throw new Error(`${topic}: ${log?.end} records are stored of ${count}`)
  }
}

export async function byNode(bench: Bench, target: Target, name: string, facts: RowFacts): Promise<Contender> {
  const load = await bench.stage.load('single')
  const records = bench.quick ? 10_000 : 50_000
  return async (rows) => {
    const request: SingleRequest = {
      ...{ ...target, how: 'unary', topic: 'unary', records, recordBytes, copies: 1, inFlight },
    }
    const { tookMs } = await load.ask<Timed>(request)
    rows.add(name, 'calls/s', (records * 1000) / tookMs, facts)
  }
}
