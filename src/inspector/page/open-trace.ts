/** A trace file that the reader chose, or dropped on the page, read piece by piece. */

import type { TraceRecord } from '../record.ts'
import { TraceReader } from '../trace-file.ts'
import type { Desk } from './desk.ts'

/** What is wrong with it is the desk's `problem`; what came before that is shown all the same. */
export async function openTrace(file: File, desk: Desk): Promise<void> {
  const reader = new TraceReader()
  const records: TraceRecord[] = []
  let problem = ''
  desk.problem = ''
  const pieces = file.stream().pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value = '' } = await pieces.read()
    // A line at a time: of a piece with a bad one the reader gives none.
    for (const line of done ? [''] : value.split(/(?<=\n)/)) {
      const read = done ? reader.end() : reader.push(line)
      if (!read.ok) problem = read.problem
      if (!read.ok) break
      for (const record of read.value) records.push(record)
    }
    if (done || problem) break
  }
  if (problem) await pieces.cancel()
  if (reader.header) desk.open(reader.header, records)
  if (problem) desk.problem = `${file.name}, ${problem}`
  desk.changed()
}
