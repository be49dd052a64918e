/** Readers that have read everything: what each costs while nothing happens, and how soon it has what comes. */

import { type Bench, contest, type Row } from '../figure.ts'
import type { TailRequest, Woken } from '../loads/tail.ts'
import { recordBytes } from './produce.ts'

const readers = 100

export const tailNames = {
  cpu: 'a reader at the end, its share of one core',
  alone: 'the node without readers',
  wake: 'ack to arrival at a reader: p50',
  wakeP99: 'ack to arrival at a reader: p99',
} as const

export async function tail(bench: Bench): Promise<Row[]> {
  const { stage, quick } = bench
  const idleMs = quick ? 4000 : 15_000
  const [agent] = await stage.agents(1)
  const target = await stage.target(agent!)
  const [idling, waking] = [await stage.load('tail'), await stage.load('tail')]
  const first: TailRequest = { ...target, topic: 'idle', task: 'wake', records: 1, recordBytes, pauseMs: 0 }
  await waking.ask(first)
  let topics = 0

  /** In percent of one core. */
  async function idleCpu(): Promise<number> {
    const before = { cpuMs: agent!.cpuMs(), atMs: performance.now() }
    await new Promise((resolve) => setTimeout(resolve, idleMs))
    return ((agent!.cpuMs() - before.cpuMs) * 100) / (performance.now() - before.atMs)
  }

  const rows = await contest(bench, [
    async (rows) => {
      const alone = await idleCpu()
      await idling.ask({ ...target, topic: 'idle', task: 'open', readers } satisfies TailRequest)
      const read = await idleCpu()
      await idling.ask({ ...target, topic: 'idle', task: 'close' } satisfies TailRequest)
      rows.add(tailNames.alone, '%', alone, { side: 'reeve' })
      rows.add(tailNames.cpu, '%', Math.max(0, read - alone) / readers, { side: 'reeve' })
    },
    async (rows) => {
      const records = quick ? 200 : 1000
      const request: TailRequest = {
        ...{ ...target, topic: `wake-${topics++}`, task: 'wake', records, recordBytes, pauseMs: 5 },
      }
      const { p50Ms, p99Ms } = await waking.ask<Woken>(request)
      rows.add(tailNames.wake, 'ms', p50Ms, { side: 'reeve' })
      rows.add(tailNames.wakeP99, 'ms', p99Ms, { side: 'reeve' })
    },
  ])
  await stage.clear()
  return rows
}
