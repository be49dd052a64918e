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
   * The records in the next piece of text, wherever it was cut. After a problem, which names the line, nothing more is
   * read: what came before it is good.
   */
  push(text: string): Decoded<TraceRecord[]> {
    const lines = text.split('\n')
    const last = lines.pop() as string
    const records: TraceRecord[] = []
    for (const line of lines) {
      this.#rest.push(line)
      this.#restLength += line.length
      const whole = this.#restLength > lineMaxLength ? undefined : this.#rest.join('')
      this.#rest = []
      this.#restLength = 0
      if (!this.#read(whole, records)) return this.#refusal()
    }
    this.#rest.push(last)
    this.#restLength += last.length
    if (this.#restLength > lineMaxLength) {
      this.#read(undefined, records)
      this.#rest = []
    }
    return this.#problem === undefined ? { ok: true, value: records } : this.#refusal()
  }

  /** What the file held behind its last line end. */
  end(): Decoded<TraceRecord[]> {
    const last = this.push('\n')
    if (last.ok && this.#header === undefined) return { ok: false, problem: 'line 1: an empty file' }
    return last
  }

  #read(line: string | undefined, records: TraceRecord[]): boolean {
    if (this.#problem !== undefined) return false
    this.#line++
    if (line === undefined) return this.#refuse(`longer than ${lineMaxLength} characters`)
    if (this.#header === undefined) {
      const header = parseHeader(line)
      if (!header.ok) return this.#refuse(header.problem)
      this.#header = header.value
      return true
    }
    if (line.trim() === '') return true
    const record = parseRecord(line)
    if (!record.ok) return this.#refuse(record.problem)
    records.push(record.value)
    return true
  }

  #refuse(problem: string): false {
    this.#problem = `line ${this.#line}: ${problem}`
    return false
  }

  #refusal(): Decoded<TraceRecord[]> {
    return { ok: false, problem: this.#problem as string }
  }
}

/** A whole file that is in memory anyway. */
export function readTrace(text: string): Decoded<{ header: TraceHeader; records: TraceRecord[] }> {
  const reader = new TraceReader()
  const records = reader.push(text)
  if (!records.ok) return records
  const last = reader.end()
  if (!last.ok) return last
  return { ok: true, value: { header: reader.header as TraceHeader, records: [...records.value, ...last.value] } }
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
