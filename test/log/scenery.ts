/** What the scenarios about logs share. */

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { Clock, Disk } from '../../src/env/env.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { type Frame, framesIn } from '../../src/log/frame.ts'
import type { Journal, JournalEvent, LogView } from '../../src/log/journal.ts'
import type { LogId } from '../../src/log/log-id.ts'
import { openJournal } from '../../src/log/open-journal.ts'
import { defaultLogSettings, type LogSettings } from '../../src/log/settings.ts'

export const dataDir = '/host/data'
export const epochA = '01980000-0000-7000-8000-00000000000a'
export const epochB = '01980000-0000-7000-8000-00000000000b'
export const epochC = '01980000-0000-7000-8000-00000000000c'

/** Frozen: the timestamps of a scenario differ by their counters only. */
export const stillClock: Clock = {
  now: () => 1_760_000_000_000,
  monotonicMs: () => 0,
  setTimeout: () => ({}),
  clearTimeout: () => {},
}

export function batchOf(...values: string[]): Uint8Array {
  const records = values.map((value) => ({ value: new TextEncoder().encode(value) }))
  return toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
}

export interface Opened {
  readonly journal: Journal
  readonly events: JournalEvent[]
}

export async function openOn(
  disk: Disk,
  options: { node?: string; epoch?: string; dataDir?: string; settings?: Partial<LogSettings> } = {},
): Promise<Opened> {
  const events: JournalEvent[] = []
  const journal = await openJournal({
    disk,
    clock: stillClock,
    dataDir: options.dataDir ?? dataDir,
    node: options.node ?? 'a',
    epoch: options.epoch ?? epochA,
    settings: { ...defaultLogSettings, ...options.settings },
    report: (event) => events.push(event),
  })
  return { journal, events }
}

/** One record a batch. */
export async function appendAll(journal: Journal, topic: string, values: string[]): Promise<void> {
  for (const value of values) await journal.append(topic, batchOf(value), 1)
}

/** Everything visible, by as many reads as it takes. */
export function readAll(log: Pick<LogView, 'start' | 'end' | 'read'>, maxBytes = 1024 * 1024): Frame[] {
  const frames: Frame[] = []
  for (let at = log.start; at < log.end; ) {
    const read = [...framesIn(log.read(at, maxBytes))]
    const last = read.at(-1)
    if (!last) throw new Error(`nothing at ${at}`)
    frames.push(...read)
    at = last.baseOffset + last.recordCount
  }
  return frames
}

/** What `batchOf` made the records of these frames from. */
export function valuesOf(frames: readonly Pick<Frame, 'body'>[]): string[] {
  const decoder = new TextDecoder()
  return frames.flatMap(({ body }) =>
    fromBinary(RecordBatchSchema, body).records.map(({ value }) => decoder.decode(value)),
  )
}

export function bytesOf(frames: Frame[]): Uint8Array {
  return Buffer.concat(frames.map((frame) => frame.bytes))
}

export function viewOf(journal: Journal, id: LogId): LogView {
  const log = journal.log(id)
  if (!log) throw new Error(`no log ${JSON.stringify(id)}`)
  return log
}

export function idOf(topic: string, origin = 'a', epoch = epochA): LogId {
  return { topic, origin, epoch }
}

export function folderOf(id: LogId, dir = dataDir): string {
  return `${dir}/topics/${id.topic}/${id.origin}/${id.epoch}`
}

export function hasCode(code: string): (error: unknown) => boolean {
  return (error) => (error as { code?: string }).code === code
}
