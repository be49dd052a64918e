/**
 * What it costs a writer and its follower to be recorded, and to be watched: the same two processes, whose inspectors are
 * put to rest and woken by turns. Two runs of other processes, or of other files, differ by far more than that.
 */

import { type ClientRequest, request } from 'node:http'
import { medianBetween } from '../confidence.ts'
import { type Bench, type Row, Rows, ratios } from '../figure.ts'
import type { NodeFound, NodeRequest } from '../loads/node.ts'
import type { Produced, ProduceRequest } from '../loads/produce.ts'
import type { Process } from '../process.ts'
import { recordBytes } from './produce.ts'

const messagesInFlight = 160
const recordsPerMessage = 100
/** Of each kind, a repetition. */
const slices = 8

export const inspectNames = {
  off: 'CPU a million records, not recorded',
  again: 'CPU a million records, not recorded either',
  on: 'CPU a million records, recorded',
  watched: 'CPU a million records, a page watching both',
} as const
type Kind = keyof typeof inspectNames
const kinds = Object.keys(inspectNames) as Kind[]

export async function inspect({ stage, quick, repetitions, note }: Bench): Promise<Row[]> {
  const load = await stage.load('produce')
  const nodes = [await stage.load('node'), await stage.load('node')] as const
  const [writer, follower] = nodes
  const first = await tell(writer, { task: 'start', name: 'node-1', dataDir: stage.folder() })
  await tell(follower, { task: 'start', name: 'node-2', dataDir: stage.folder(), join: first.gossipAddress })
  while ((await tell(writer, { task: 'look' })).members < 2) await soon()
  const client = stage.clientAt(first.rpcAddress)
  const records = quick ? 250_000 : 1_000_000
  let seen = 0
  let runs = 0

  /** CPU time of both for a million records, ms. */
  const slice = async (kind: Kind): Promise<number> => {
    const recorded = kind === 'on' || kind === 'watched'
    for (const node of nodes) await tell(node, { task: 'record', on: recorded })
    const page = kind === 'watched' ? await openPage((await tell(writer, { task: 'look' })).link) : undefined
    const topic = `inspect-${runs++}`
    const asked: ProduceRequest = {
      ...{ address: first.rpcAddress, topic, records, recordBytes, copies: 2 },
      ...{ recordsPerMessage, messagesInFlight },
    }
    await stage.settle()
    const cpuMs = () => nodes.reduce((sum, node) => sum + node.cpuMs(), 0)
    const before = cpuMs()
    await load.ask<Produced>(asked)
    const used = cpuMs() - before
    if (page) seen += page.close()
    // What writing costs depends on how the page cache is, and it is to be as it was.
    await client.deleteTopic(topic)
    return (used * 1_000_000) / records
  }

  const rows = new Rows()
  // Until everything is compiled and has its memory.
  for (const kind of [...kinds, ...kinds]) await slice(kind)
  const { recorded: before } = await tell(writer, { task: 'look' })
  for (let round = 0; round < repetitions * slices; round++) {
    // Forwards and backwards, so that nobody is always before the other.
    const turn = kinds.map((_, at) => kinds[(at + (round >> 1)) % kinds.length] as Kind)
    for (const kind of round % 2 === 0 ? turn : turn.reverse()) {
      const facts = { side: 'reeve', ...(kind !== 'off' && { beside: [inspectNames.off] }) } as const
      rows.add(inspectNames[kind], 'ms', await slice(kind), facts)
    }
  }
  if (seen === 0) throw new Error('the page saw nothing')
  const { recorded } = await tell(writer, { task: 'look' })
  const [off, ...others] = rows.list().sort((one, other) => order(one) - order(other))
  for (const row of others) note(`${row.name}: ${certainty(row, off as Row)}`)
  note(
    `${recorded - before} records of the inspector in the writer for ${runs - 2 * kinds.length} slices of ${records}`,
  )
  await stage.clear()
  return rows.list()
}

function order({ name }: Row): number {
  return kinds.findIndex((kind) => inspectNames[kind] === name)
}

function certainty(row: Row, off: Row): string {
  const { low, high } = medianBetween(ratios(row, off))
  const sum = (samples: readonly number[]) => samples.reduce((total, sample) => total + sample, 0)
  const total = sum(row.samples) / sum(off.samples)
  return `the median of ${row.samples.length} ratios lies between ${low.toFixed(3)} and ${high.toFixed(3)} (95 %); of the sums it is ${total.toFixed(3)}`
}

function tell(node: Process, request: NodeRequest): Promise<NodeFound> {
  return node.ask<NodeFound>(request)
}

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50))
}

/** Resolves once the page has what there was before. What it is told is read and counted, until it is closed. */
async function openPage(text: string): Promise<{ close(): number }> {
  const link = new URL(text)
  const cookie = await new Promise<string>((resolve, reject) => {
    const asked = request(link, (response) => {
      response.resume()
      resolve(response.headers['set-cookie']?.[0]?.split(';', 1)[0] ?? '')
    })
    asked.on('error', reject).end()
  })
  let bytes = 0
  const asked = await new Promise<ClientRequest>((resolve, reject) => {
    const asked = request(new URL('/inspector/events', link), { headers: { cookie } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
      response.on('error', () => undefined)
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        // The follower's records come through the writer.
        if (piece.includes('"node":"node-2"')) resolve(asked)
      })
    })
    asked.on('error', reject).end()
  })
  return {
    close: () => {
      asked.removeAllListeners('error').on('error', () => undefined)
      asked.destroy()
      return bytes
    },
  }
}
