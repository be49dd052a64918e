/** What it costs a writer and its follower to be recorded, and to be watched. */

import { request } from 'node:http'
import { type Bench, type Contender, contest, type Row } from '../figure.ts'
import type { Produced, ProduceRequest } from '../loads/produce.ts'
import type { Process } from '../process.ts'
import { together } from '../stage.ts'
import { recordBytes } from './produce.ts'

const batchesInFlight = 16
const recordsPerMessage = 100

export const inspectNames = {
  off: 'CPU a million records, not recorded',
  on: 'CPU a million records, recorded',
  watched: 'CPU a million records, a page watching both',
} as const

export async function inspect(bench: Bench): Promise<Row[]> {
  const { stage, quick } = bench
  const load = await stage.load('produce')
  const records = quick ? 500_000 : 3_000_000
  let runs = 0
  let seen = 0

  const contender = async (name: string, flags: readonly string[], isWatched: boolean): Promise<Contender> => {
    const agents = await stage.agents(2, () => flags)
    await together(agents)
    const target = await stage.target(agents[0]!)
    const client = await stage.clientOf(agents[0]!)
    if (isWatched) await openPage(agents[0]!, (bytes) => (seen += bytes))
    const cpuMs = () => agents.reduce((sum, agent) => sum + agent.cpuMs(), 0)
    return async (rows) => {
      const topic = `inspect-${runs++}`
      const asked: ProduceRequest = {
        ...{ ...target, topic, records, recordBytes, copies: 2 },
        ...{ recordsPerMessage, messagesInFlight: batchesInFlight * 10 },
      }
      const before = cpuMs()
      await load.ask<Produced>(asked)
      const facts = { side: 'reeve', ...(name !== inspectNames.off && { beside: [inspectNames.off] }) } as const
      rows.add(name, 'ms', ((cpuMs() - before) * 1_000_000) / records, facts)
      // What writing costs depends on how the page cache is, and it is to be as it was.
      await client.deleteTopic(topic)
    }
  }
  const port = ['--http-port', '0']
  const rows = await contest(bench, [
    // All of them are measured for Prometheus: that is another figure's matter.
    await contender(inspectNames.off, [...port, '--inspect', 'false'], false),
    await contender(inspectNames.on, port, false),
    await contender(inspectNames.watched, port, true),
  ])
  if (seen === 0) throw new Error('the page saw nothing')
  await stage.clear()
  return rows
}

/** By the link that the node prints; what it is told is read and counted, for as long as the node lives. */
async function openPage(agent: Process, seen: (bytes: number) => void): Promise<void> {
  const { inspector } = JSON.parse((await agent.said('"inspector":')).text) as { inspector: string }
  const link = new URL(inspector)
  const cookie = await new Promise<string>((resolve, reject) => {
    const asked = request(link, (response) => {
      response.resume()
      resolve(response.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '')
    })
    asked.on('error', reject).end()
  })
  await new Promise<void>((resolve, reject) => {
    const asked = request(new URL('/inspector/events', link), { headers: { cookie } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
      response.on('data', (piece: Buffer) => seen(piece.length)).on('error', () => undefined)
      resolve()
    })
    asked.on('error', reject).end()
  })
}
