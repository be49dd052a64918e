/** Many logs that nobody writes or reads. */

import { freePorts } from '../../../src/cli/demo/ports.ts'
import { type Bench, contest, type Row } from '../figure.ts'
import type { LogsRequest } from '../loads/logs.ts'
import type { Process } from '../process.ts'

const thousand = 1000
/** What starting took is given back by then. */
const restMs = 3000

export const idleNames = {
  memory: 'resident memory an idle log',
  files: 'open files with 1,000 logs, just written',
  filesMany: 'open files with all logs, after a start',
} as const

export async function idle(bench: Bench): Promise<Row[]> {
  const { stage, quick } = bench
  const count = quick ? 4000 : 20_000
  const [port] = (await freePorts(1)) as [number]
  const [empty, full] = [stage.folder(), stage.folder()]
  const start = (dataDir: string) => stage.agent({ name: 'node-1', dataDir, port })

  const bare = await resting(start(empty))
  await bare.agent.end('SIGTERM')
  const writer = start(full)
  const target = await stage.target(writer)
  const load = await stage.load('logs')
  const thousandLogs: LogsRequest = { ...target, from: 0, count: thousand }
  await load.ask(thousandLogs)
  const filesWritten = writer.openFiles() - bare.files
  const allLogs: LogsRequest = { ...target, from: thousand, count: count - thousand }
  await load.ask(allLogs)
  await load.end()
  await writer.end('SIGTERM')

  const rows = await contest(bench, [
    async (rows) => {
      const without = await resting(start(empty))
      await without.agent.end('SIGTERM')
      const having = await resting(start(full))
      await having.agent.end('SIGTERM')
      const facts = { side: 'reeve' } as const
      rows.add(idleNames.memory, 'KiB', (having.residentBytes - without.residentBytes) / 1024 / count, facts)
      rows.add(idleNames.files, 'files', filesWritten, facts)
      rows.add(idleNames.filesMany, 'files', having.files - without.files, facts)
    },
  ])
  await stage.clear()
  return rows

  async function resting(agent: Process): Promise<{ agent: Process; residentBytes: number; files: number }> {
    await agent.said('"msg":"ready"')
    await new Promise((resolve) => setTimeout(resolve, restMs))
    return { agent, residentBytes: agent.residentBytes(), files: agent.openFiles() }
  }
}
