/** From a record's acknowledgement at one node until it is read at another. */

import { type Bench, type Contender, contest, type Row } from '../figure.ts'
import type { Lag, LagRequest } from '../loads/lag.ts'
import { type Target, together } from '../stage.ts'
import { recordBytes } from './produce.ts'

const namesAt = (rate: string) => ({
  p50: `ack to read at a follower, ${rate}/s: p50`,
  p99: `ack to read at a follower, ${rate}/s: p99`,
  ackP50: `send to ack, ${rate}/s: p50`,
  ackP99: `send to ack, ${rate}/s: p99`,
})

export const lagNames = { slow: namesAt('10,000'), fast: namesAt('100,000') } as const
/** Its dead buffers, which lie outside the heap, are noticed before V8 takes them for a reason to mark all of it. */
const youngFlag = '--max-semi-space-size=4'
const rates = { slow: 10_000, fast: 100_000 } as const

export async function lag(bench: Bench): Promise<Row[]> {
  const { stage } = bench
  const agents = await stage.agents(2)
  await together(agents)
  const [writeTo, readFrom] = [await stage.target(agents[0]!), await stage.target(agents[1]!)]
  const young = await stage.agents(2, undefined, [youngFlag])
  await together(young)
  const rows = await contest(bench, [
    await lagging(bench, writeTo, readFrom, 'slow'),
    await lagging(bench, writeTo, readFrom, 'fast'),
    await lagging(bench, await stage.target(young[0]!), await stage.target(young[1]!), 'fast', `, ${youngFlag}`, ''),
  ])
  await stage.clear()
  return rows
}

/** `suffix`: of the names of its rows; `beside`: of the rows that they stand beside. */
export async function lagging(
  { stage, quick }: Bench,
  writeTo: Target,
  readFrom: Target,
  rate: keyof typeof rates,
  suffix = '',
  beside?: string,
): Promise<Contender> {
  const load = await stage.load('lag')
  const names = lagNames[rate]
  let runs = 0
  return async (rows) => {
    const request: LagRequest = {
      ...{ writeTo, readFrom, topic: `lag-${rate}${suffix ? '-too' : ''}-${runs++}`, recordBytes },
      ...{ recordsPerSecond: rates[rate], durationMs: quick ? 3000 : 10_000 },
    }
    const measured = await load.ask<Lag>(request)
    const add = (name: string, ms: number) =>
      rows.add(`${name}${suffix}`, 'ms', ms, {
        ...{ side: 'reeve', acks: 'fsync' },
        ...(beside !== undefined && { beside: [`${name}${beside}`] }),
      })
    add(names.p50, measured.lagP50Ms)
    add(names.p99, measured.lagP99Ms)
    add(names.ackP50, measured.ackP50Ms)
    add(names.ackP99, measured.ackP99Ms)
    if (measured.writtenPerSecond < 0.95 * rates[rate]) {
      throw new Error(`only ${Math.round(measured.writtenPerSecond)} records/s were written of ${rates[rate]}`)
    }
  }
}
