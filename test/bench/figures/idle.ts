/** Many logs that nobody writes or reads. */

import { cpSync } from 'node:fs'
import { freePorts } from '../../../src/cli/demo/ports.ts'
import { type Bench, contest, type Row } from '../figure.ts'
import type { LogsRequest } from '../loads/logs.ts'

const thousand = 1000
/** What starting took is given back by then. */
const restMs = 3000
/** The pass that looks for damage, which every start begins, is no rest. */
const flags = ['--scrub-bytes-per-second', '0']

export const idleNames = {
  memory: 'resident memory of one more idle log',
  memoryOfAll: 'resident memory of all of them, and of what V8 grows by for them, a log',
  files: 'open files with 1,000 logs, just written',
  filesMany: 'open files with all logs, after a start',
} as const

export async function idle(bench: Bench): Promise<Row[]> {
  const { stage, quick } = bench
  const count = quick ? 4000 : 30_000
  const fewer = count / 4
  const [port] = (await freePorts(1)) as [number]
  const [empty, some, full] = [stage.folder(), stage.folder(), stage.folder()]
  const start = (dataDir: string) => stage.agent({ name: 'node-1', dataDir, port, flags })

  const bare = await resting(empty)
  const filesWritten = await written(full, 0, fewer)
  cpSync(full, some, { recursive: true })
  await written(full, fewer, count)
  // The first start behind a run declares its logs.
  for (const dataDir of [some, full]) await resting(dataDir)

  const rows = await contest(bench, [
    async (rows) => {
      const without = await resting(empty)
      const having = await resting(some)
      const all = await resting(full)
      const facts = { side: 'reeve' } as const
      const kibALog = (more: Resting, less: Resting, logs: number) =>
        (more.residentBytes - less.residentBytes) / 1024 / logs
      rows.add(idleNames.memory, 'KiB', kibALog(all, having, count - fewer), facts)
      rows.add(idleNames.memoryOfAll, 'KiB', kibALog(all, without, count), facts)
      rows.add(idleNames.files, 'files', filesWritten, facts)
      rows.add(idleNames.filesMany, 'files', all.files - without.files, facts)
    },
  ])
  await stage.clear()
  return rows

  /** Writes logs. Returns how many more files than a node without is open after the first thousand. */
  async function written(dataDir: string, from: number, to: number): Promise<number> {
    const writer = start(dataDir)
    const target = await stage.target(writer)
    const load = await stage.load('logs')
    const ask = (begin: number, end: number) =>
      load.ask({ ...target, from: begin, count: end - begin } satisfies LogsRequest)
    await ask(from, from + thousand)
    const files = writer.openFiles() - bare.files
    if (to > from + thousand) await ask(from + thousand, to)
    await load.end()
    await writer.end('SIGTERM')
    return files
  }

  async function resting(dataDir: string): Promise<Resting> {
    const agent = start(dataDir)
    await agent.said('"msg":"ready"')
    await new Promise((resolve) => setTimeout(resolve, restMs))
    const seen = { residentBytes: agent.residentBytes(), files: agent.openFiles() }
    await agent.end('SIGTERM')
    return seen
  }
}

interface Resting {
  readonly residentBytes: number
  readonly files: number
}
