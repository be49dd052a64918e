/** How long a node that has much takes to start. */

import { freePorts } from '../../../src/cli/demo/ports.ts'
import { type Bench, contest, type Row, type Rows } from '../figure.ts'
import { fill } from './consume.ts'
import { recordBytes } from './produce.ts'

const segmentBytes = 10_000_000

export const openNames = {
  empty: 'until ready, nothing stored',
  clean: 'until ready, after a clean stop',
  crash: 'until ready, after kill -9',
} as const

export async function open(bench: Bench): Promise<Row[]> {
  const { stage, quick, note } = bench
  const segments = quick ? 100 : 1000
  note(`${segments} segments, ${(segments * segmentBytes) / 1e9} GB; the page cache is as the writing left it`)
  const [port] = (await freePorts(1)) as [number]
  const [empty, full] = [stage.folder(), stage.folder()]
  const flags = ['--segment-max-bytes', String(segmentBytes)]
  const start = (dataDir: string) => stage.agent({ name: 'node-1', dataDir, port, flags })
  const writer = start(full)
  await fill(
    stage,
    await stage.target(writer),
    'much',
    Math.ceil((segments * segmentBytes) / recordBytes / 1000) * 1000,
  )
  await writer.end('SIGTERM')

  /** Started, and ready. */
  async function timed(rows: Rows, name: string, dataDir: string) {
    const beganMs = performance.now()
    const agent = start(dataDir)
    const { atMs } = await agent.said('"msg":"ready"')
    rows.add(name, 'ms', atMs - beganMs, { side: 'reeve' })
    return agent
  }

  const rows = await contest(bench, [
    async (rows) => (await timed(rows, openNames.empty, empty)).end('SIGTERM'),
    async (rows) => {
      const agent = await timed(rows, openNames.clean, full)
      // What it leaves behind must have been in use.
      await fill(stage, await stage.target(agent), 'more', 10_000)
      await agent.end('SIGKILL')
    },
    async (rows) => (await timed(rows, openNames.crash, full)).end('SIGTERM'),
  ])
  await stage.clear()
  return rows
}
