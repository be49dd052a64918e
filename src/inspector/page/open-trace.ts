/** A trace file that the reader chose, or dropped on the page, read piece by piece. */

import type { TraceRecord } from '../record.ts'
import { TraceReader } from '../trace-file.ts'
import type { Desk } from './desk.ts'

/** Resolves with what is wrong with the file; empty: it is open. What came before the problem is shown all the same. */
export async function openTrace(file: Blob, desk: Desk): Promise<string> {
  const reader = new TraceReader()
  const records: TraceRecord[] = []
  let problem = ''
  const pieces = file.stream().pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value = '' } = await pieces.read()
    const read = done ? reader.end() : reader.push(value)
    if (read.ok) records.push(...read.value)
    else problem = read.problem
    if (done || problem) break
  }
  if (problem) await pieces.cancel()
  if (reader.header) desk.open(reader.header, records)
  return problem
}
