import { type Bench, type Row, Rows } from '../figure.ts'
import type { Process } from '../process.ts'
import { type Stage, together } from '../stage.ts'

const topic = 'start'

export async function start({ stage, repetitions }: Bench): Promise<Row[]> {
  const rows = new Rows()
  for (let n = 0; n < repetitions; n++) {
    const beganMs = performance.now()
    const agents = await stage.agents(3)
    const copied = Promise.all(agents.map((agent) => holdsAll(stage, agent, agents.length)))
    const ready = Promise.all(agents.map((agent) => agent.said('"msg":"ready"')))
    rows.add('3 agents: all ready', 'ms', latest((await ready).map(({ atMs }) => atMs)) - beganMs)
    rows.add('3 agents: each sees all', 'ms', (await together(agents)) - beganMs)
    rows.add('3 agents: and holds all records', 'ms', latest(await copied) - beganMs)
    await stage.clear()
  }
  for (let n = 0; n < repetitions; n++) {
    const beganMs = performance.now()
    const demo = stage.reeve('demo', ['demo'], 'SIGTERM')
    rows.add('npm start: each sees all', 'ms', (await demo.said('see each other')).atMs - beganMs)
    rows.add('npm start: and holds records of each', 'ms', (await demo.said('holds records of each')).atMs - beganMs)
    await stage.clear()
  }
  return rows.list()
}

/** Writes one record to the node as soon as it is ready; resolves when it has as many, each of another origin. */
async function holdsAll(stage: Stage, agent: Process, count: number): Promise<number> {
  const client = await stage.clientOf(agent)
  const producer = client.producer({ topic, lingerMs: 0 })
  void producer.send({ value: agent.name })
  const origins = new Set<string>()
  for await (const { origin } of client.consumer({ topic, follow: true })) {
    if (origins.add(origin).size === count) break
  }
  return performance.now()
}

function latest(times: readonly number[]): number {
  return Math.max(...times)
}
