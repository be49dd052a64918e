import type { Client, ConsumedRecord } from '../../src/index.ts'
import { type Bench, quantile, type Row, Rows } from './figure.ts'
import { together } from './stage.ts'

const recordsPerMs = 1
const value = new Uint8Array(100)
/** Let the nodes and this process get warm first. */
const warmUpMs = 3000

export async function lag({ stage, repetitions, quick }: Bench): Promise<Row[]> {
  const rows = new Rows()
  const agents = await stage.agents(3)
  await together(agents)
  const nodes = await Promise.all(
    agents.map(async (agent) => ({ name: agent.name, client: (await stage.clientOf(agent)).client })),
  )
  await load(nodes, 'warm-up', warmUpMs)
  for (let n = 0; n < repetitions; n++) {
    const { lags, ackMs, sentPerS } = await load(nodes, `lag-${n}`, quick ? 5000 : 15_000)
    rows.add('ack at origin to arrival: p50', 'ms', quantile(lags, 0.5))
    rows.add('ack at origin to arrival: p99', 'ms', quantile(lags, 0.99))
    rows.add('send to ack: p50', 'ms', quantile(ackMs, 0.5))
    rows.add('send to ack: p99', 'ms', quantile(ackMs, 0.99))
    rows.add('written, all nodes together', 'records/s', sentPerS)
  }
  await stage.clear()
  return rows.list()
}

interface Node {
  readonly name: string
  readonly client: Client
}

interface Seen {
  readonly lags: number[]
  readonly ackMs: number[]
  readonly sentPerS: number
}

/** Writes to each node and tails each node until every record is at every node. */
async function load(nodes: readonly Node[], topic: string, durationMs: number): Promise<Seen> {
  const ackedAtMs = new Map<string, number>()
  const arrivals: { readonly id: string; readonly atMs: number }[] = []
  const ackMs: number[] = []
  let expected = Number.POSITIVE_INFINITY
  const tails = nodes.map(({ name, client }) => {
    const consumer = client.consumer({ topic, follow: true })
    const tail = { consumer, got: 0, ended: read() }
    return tail

    async function read(): Promise<void> {
      for await (const record of consumer) {
        if (record.origin !== name) arrivals.push({ id: idOf(record), atMs: performance.now() })
        if (++tail.got >= expected) break
      }
    }
  })
  const producers = nodes.map(({ client }) => client.producer({ topic, lingerMs: 1 }))
  const beganMs = performance.now()
  let sentToEach = 0
  while (performance.now() - beganMs < durationMs) {
    for (const due = (performance.now() - beganMs) * recordsPerMs; sentToEach < due; sentToEach++) {
      for (const producer of producers) {
        const sentMs = performance.now()
        producer.send({ value }).then((record) => {
          const atMs = performance.now()
          ackedAtMs.set(idOf(record), atMs)
          ackMs.push(atMs - sentMs)
        })
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const tookMs = performance.now() - beganMs
  expected = sentToEach * nodes.length
  await Promise.all(producers.map((producer) => producer.close()))
  for (const { consumer, got } of tails) if (got >= expected) consumer.close()
  await Promise.all(tails.map(({ ended }) => ended))
  const lags = arrivals.map(({ id, atMs }) => atMs - (ackedAtMs.get(id) as number))
  return { lags, ackMs, sentPerS: (expected * 1000) / tookMs }
}

function idOf({ origin, epoch, offset }: Pick<ConsumedRecord, 'origin' | 'epoch' | 'offset'>): string {
  return `${origin}/${epoch}/${offset}`
}
