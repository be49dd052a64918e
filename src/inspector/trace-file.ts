/**
 * Trace files: a header, then a record a line, of any number of nodes, each node's in its order. Read piece by piece;
 * memory is bounded by the longest line. Runs in a browser as well.
 */

import type { Decoded } from '../decoded.ts'
import type { TraceHeader, TraceRecord } from './record.ts'
import { parseRecord } from './record-shape.ts'

/** In characters. A snapshot of a node with a thousand actors and logs takes a fifth of it. */
export const lineMaxLength = 4 * 1024 * 1024

/** The first line of a file, with its end. */
export function traceHeaderLine(by: string, atMs: number): string {
  const header: TraceHeader = { format: 'reeve-trace', version: 1, atMs, by }
  return `${JSON.stringify(header)}\n`
}

export function traceLine(record: TraceRecord): string {
  return `${JSON.stringify(record)}\n`
}

/** What a piece of a file held. `problem`: the line behind these records is bad, and nothing more is read. */
export interface TracePiece {
  readonly records: readonly TraceRecord[]
  readonly problem: string | undefined
}

export class TraceReader {
  #header: TraceHeader | undefined
  #rest: string[] = []
  #restLength = 0
  #line = 0
  #problem: string | undefined

  /** Once it was read. */
  get header(): TraceHeader | undefined {
    return this.#header
  }

  /**
   * The records in the next piece of text, wherever it was cut. After a problem, which names the line, there are no more:
   * what came before it is good.
   */
  push(text: string): TracePiece {
    const records: TraceRecord[] = []
    const lines = text.split('\n')
    const last = lines.pop() as string
    for (const line of lines) {
      if (this.#problem !== undefined) break
      this.#gather(line)
      this.#read(records)
      this.#rest = []
      this.#restLength = 0
    }
    if (this.#problem === undefined) this.#gather(last)
    if (this.#restLength > lineMaxLength) this.#read(records)
    return { records, problem: this.#problem }
  }

  /** What the file held behind its last line end. */
  end(): TracePiece {
    const last = this.push('\n')
    if (last.problem === undefined && this.#header === undefined) {
      return { ...last, problem: 'line 1: an empty file' }
    }
    return last
  }

  #gather(part: string): void {
    this.#rest.push(part)
    this.#restLength += part.length
  }

  #read(records: TraceRecord[]): void {
    this.#line++
    const line = this.#restLength > lineMaxLength ? undefined : this.#rest.join('')
    if (line === undefined) this.#refuse(`longer than ${lineMaxLength} characters`)
    else if (this.#header === undefined) {
      const header = parseHeader(line)
      if (header.ok) this.#header = header.value
      else this.#refuse(header.problem)
    } else if (line.trim() !== '') {
      const record = parseRecord(line)
      if (record.ok) records.push(record.value)
      else this.#refuse(record.problem)
    }
  }

  #refuse(problem: string): void {
    this.#problem = `line ${this.#line}: ${problem}`
    this.#rest = []
    this.#restLength = 0
  }
}

/** A whole file that is in memory anyway. */
export function readTrace(text: string): Decoded<{ header: TraceHeader; records: readonly TraceRecord[] }> {
  const reader = new TraceReader()
  const [all, last] = [reader.push(text), reader.end()]
  const problem = all.problem ?? last.problem
  if (problem !== undefined) return { ok: false, problem }
  return { ok: true, value: { header: reader.header as TraceHeader, records: [...all.records, ...last.records] } }
}

function parseHeader(line: string): Decoded<TraceHeader> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { ok: false, problem: 'this is no trace of Reeve' }
  }
  const { format, version, atMs, by } = (value ?? {}) as { readonly [key: string]: unknown }
  if (format !== 'reeve-trace') return { ok: false, problem: 'this is no trace of Reeve' }
  if (version !== 1) return { ok: false, problem: `traces of version ${JSON.stringify(version)} cannot be read` }
  if (typeof atMs !== 'number' || typeof by !== 'string') return { ok: false, problem: 'the header is not whole' }
  return { ok: true, value: { format, version, atMs, by } }
}
