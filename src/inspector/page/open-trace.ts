/** A trace file that the reader chose, or dropped on the page, read piece by piece. */

import type { TraceRecord } from '../record.ts'
import { TraceReader } from '../trace-file.ts'
import type { Desk } from './desk.ts'

/** What is wrong with it is the desk's `problem`; what came before that is shown all the same. */
export async function openTrace(file: File, desk: Desk): Promise<void> {
  const reader = new TraceReader()
  const records: TraceRecord[] = []
  let problem: string | undefined
  desk.problem = ''
  const pieces = file.stream().pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value = '' } = await pieces.read()
    const read = done ? reader.end() : reader.push(value)
    for (const record of read.records) records.push(record)
    problem = read.problem
    if (done || problem !== undefined) break
  }
  if (problem !== undefined) await pieces.cancel()
  if (reader.header) desk.open(reader.header, records)
  if (problem !== undefined) desk.problem = `${file.name}, ${problem}`
  desk.changed()
}
