/** A node that has nothing joins one that has much: until it has all, checked and on its disk. */

import { freePorts } from '../../../src/cli/demo/ports.ts'
import type { Client } from '../../../src/index.ts'
import { type Bench, type Contender, contest, type Row, type RowFacts } from '../figure.ts'
import type { DiskRequest, Written } from '../loads/disk.ts'
import type { Process } from '../process.ts'
import type { Stage } from '../stage.ts'
import { fill } from './consume.ts'
import { recordBytes } from './produce.ts'

const topic = 'backlog'
const pollMs = 10
/** What the disk is asked for beside it: as large as the groups in which a node commits when much is waiting. */
const groupBytes = 1024 * 1024

export const replicateNames = {
  reeve: 'Reeve, a backlog to one follower',
  disk: 'disk, write + fdatasync of 1 MiB each',
} as const

export async function replicate(bench: Bench): Promise<Row[]> {
  const { stage, quick } = bench
  const records = quick ? 1_000_000 : 5_000_000
  const follower = await backlog(bench, records, replicateNames.reeve, [replicateNames.disk])
  const disk = await stage.load('disk')
  const folder = stage.folder()
  const rows = await contest(bench, [
    follower,
    async (rows) => {
      const groups = new Array<number>(Math.ceil((records * recordBytes) / groupBytes)).fill(1)
      const { tookMs } = await disk.ask<Written>({ folder, bytes: groupBytes, groups } satisfies DiskRequest)
      rows.add(replicateNames.disk, 'records/s', (records * 1000) / tookMs, { side: 'limit', acks: 'fsync' })
    },
  ])
  await stage.clear()
  return rows
}

/** A follower of its own, with an empty disk, each time. */
export async function backlog(
  { stage }: Bench,
  records: number,
  name: string,
  beside: readonly string[],
  tls = false,
): Promise<Contender> {
  const names = tls ? await stage.tls(['leader', 'follower']) : undefined
  const [port, followerPort] = (await freePorts(2)) as [number, number]
  const leader = stage.agent({
    ...{ name: 'leader', dataDir: stage.folder(), port, flags: names?.flagsOf.get('leader') ?? [] },
  })
  await fill(stage, await stage.target(leader, names?.caFile), topic, records)
  const facts: RowFacts = { side: 'reeve', acks: 'fsync', beside }
  return async (rows) => {
    const follower = stage.agent({
      ...{ name: 'follower', dataDir: stage.folder(), port: followerPort, join: `127.0.0.1:${port}` },
      flags: names?.flagsOf.get('follower') ?? [],
    })
    const perSecond = await filling(stage, follower, records, names?.caFile)
    rows.add(name, 'records/s', perSecond, facts)
    await follower.end('SIGTERM')
  }
}

/** From the first look that finds a part of the log to the first that finds all of it. */
async function filling(stage: Stage, follower: Process, records: number, caFile: string | undefined): Promise<number> {
  const client = await stage.clientOf(follower, caFile)
  let first: { end: number; atMs: number } | undefined
  for (;;) {
    const end = await endOf(client)
    const atMs = performance.now()
    if (end === records) {
      if (!first) throw new Error('the backlog came within one look: it is too small')
      return ((end - first.end) * 1000) / (atMs - first.atMs)
    }
    if (end > 0) first ??= { end, atMs }
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}

/** It does not know the topic at first. */
async function endOf(client: Client): Promise<number> {
  return (await client.topics()).find(({ name }) => name === topic)?.logs[0]?.end ?? 0
}
