/** A journal in memory that a scenario holds by the hand: commits wait while held, logs appear, lose their start, rot. */

import { create, toBinary } from '@bufbuild/protobuf'
import { ReeveError } from '../../src/errors.ts'
import { RecordBatchSchema } from '../../src/gen/reeve/v1/record_pb.ts'
import { encodeFrame, framesIn } from '../../src/log/frame.ts'
import type { Appended, Journal, LogView, Placed } from '../../src/log/journal.ts'
import type { LogId } from '../../src/log/log-id.ts'
import { logKey } from '../../src/log/log-id.ts'
import { fresh, type Memory } from '../../src/log/memory.ts'
import { Soundness } from '../../src/log/soundness.ts'

export const epochA = '01980000-0000-7000-8000-00000000000a'
export const epochB = '01980000-0000-7000-8000-00000000000b'
export const epochC = '01980000-0000-7000-8000-00000000000c'

export function batchOf(...values: string[]): Uint8Array {
  const records = values.map((value) => ({ value: new TextEncoder().encode(value) }))
  return toBinary(RecordBatchSchema, create(RecordBatchSchema, { records }))
}

export class MemoryLog implements LogView {
  readonly id: LogId
  readonly key: string
  readonly own: boolean
  start = 0
  end = 0
  bytes = 0
  chain = 0n
  oldest = 0n
  newest = 0n
  reads = 0
  bytesRead = 0
  /** On a slow device: what is to be read has to be fetched, until a scenario says that it has come. */
  cold = false
  fetches = 0
  readonly fetched: (() => void)[] = []
  /** Reading from here on finds damage. */
  corruptFrom = Number.POSITIVE_INFINITY
  /** Of the next batch: ms since 1970. */
  nowMs = 1_760_000_000_000
  readonly #frames: { base: number; end: number; timestamp: bigint; bytes: Uint8Array }[] = []

  constructor(id: LogId, own: boolean) {
    this.id = id
    this.key = logKey(id)
    this.own = own
  }

  push(body: Uint8Array, recordCount: number, stamped?: bigint): Appended {
    const baseOffset = this.#frames.at(-1)?.end ?? 0
    const timestamp = stamped ?? (BigInt(this.nowMs) << 16n) + BigInt(baseOffset)
    const { bytes } = encodeFrame({ baseOffset, recordCount, timestamp, previousChain: 0n, body })
    const endOffset = baseOffset + recordCount
    this.#frames.push({ base: baseOffset, end: endOffset, timestamp, bytes })
    this.bytes += bytes.length
    return { log: this.id, baseOffset, recordCount, endOffset, timestamp }
  }

  get held(): number {
    return this.start
  }

  /** Nothing here is about chains. */
  chainAt(): bigint | undefined {
    return 0n
  }

  fetch(): Promise<void> | undefined {
    if (!this.cold) return undefined
    this.fetches++
    return new Promise((resolve) => this.fetched.push(resolve))
  }

  offsetAtTime(timeMs: number): number {
    const shown = this.#frames.filter(({ base }) => base >= this.start && base < this.end)
    return shown.find(({ timestamp }) => Number(timestamp >> 16n) >= timeMs)?.base ?? this.end
  }

  read(from: number, maxBytes: number, memory: Memory = fresh): Uint8Array {
    this.reads++
    if (from < this.start) {
      const facts = { start: String(this.start), end: String(this.end) }
      throw new ReeveError('OFFSET_TRIMMED', 'trimmed', { facts })
    }
    if (from >= this.corruptFrom) throw new ReeveError('DATA_CORRUPT', 'damaged')
    const found: Uint8Array[] = []
    let size = 0
    for (const frame of this.#frames) {
      if (frame.end <= from || frame.base >= Math.min(this.end, this.corruptFrom)) continue
      if (found.length > 0 && size + frame.bytes.length > maxBytes) break
      found.push(frame.bytes)
      size += frame.bytes.length
    }
    this.bytesRead += size
    const read = memory.take(size)
    let at = 0
    for (const bytes of found) {
      read.set(bytes, at)
      at += bytes.length
    }
    return read
  }
}

export class MemoryJournal implements Journal {
  readonly node: string
  readonly epoch: string
  readonly soundness = new Soundness(new Map(), () => {})
  readonly #logs = new Map<string, MemoryLog>()
  readonly #listeners = new Set<(log: LogView) => void>()
  #held: (() => void)[] | undefined
  #failure: ReeveError | undefined
  #timestamp = 1_770_000_000_000n << 16n
  appends = 0

  constructor(node = 'a', epoch = epochA) {
    this.node = node
    this.epoch = epoch
  }

  /** Appends wait until `release`, then all go with one commit. */
  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const commit of held) commit()
  }

  failAppends(error: ReeveError | undefined): void {
    this.#failure = error
  }

  async append(topic: string, batch: Uint8Array, recordCount: number): Promise<Appended> {
    const { durable, ...appended } = this.place(topic, batch, recordCount)
    await durable
    return appended
  }

  place(topic: string, batch: Uint8Array, recordCount: number): Placed {
    this.appends++
    if (this.#failure) throw this.#failure
    const log = this.logOf(topic, this.node, this.epoch)
    const appended = log.push(batch, recordCount)
    const durable = new Promise<void>((resolve) => {
      const commit = () => {
        this.#show(log, appended.endOffset)
        resolve()
      }
      if (this.#held) this.#held.push(commit)
      else commit()
    })
    return { ...appended, durable }
  }

  /** One commit of one batch to any log, as if it came from a peer. */
  add(topic: string, origin: string, epoch: string, ...values: string[]): MemoryLog {
    const log = this.logOf(topic, origin, epoch)
    this.#show(log, log.push(batchOf(...values), values.length).endOffset)
    return log
  }

  addBatch(log: MemoryLog, body: Uint8Array, recordCount: number): Appended {
    const appended = log.push(body, recordCount)
    this.#show(log, appended.endOffset)
    return appended
  }

  logOf(topic: string, origin: string, epoch: string): MemoryLog {
    const id = { topic, origin, epoch }
    const found = this.#logs.get(logKey(id))
    if (found) return found
    const log = new MemoryLog(id, origin === this.node && epoch === this.epoch)
    this.#logs.set(log.key, log)
    return log
  }

  replicate(id: LogId, frames: Uint8Array): Promise<number> {
    const log = this.logOf(id.topic, id.origin, id.epoch)
    for (const { body, recordCount, timestamp } of framesIn(frames)) {
      this.#show(log, log.push(body, recordCount, timestamp).endOffset)
    }
    return Promise.resolve(log.end)
  }

  log(id: LogId): LogView | undefined {
    const log = this.#logs.get(logKey(id))
    return log && log.end > 0 ? log : undefined
  }

  logs(): MemoryLog[] {
    return [...this.#logs.values()].filter(({ end }) => end > 0)
  }

  topicLogs(topic: string): MemoryLog[] {
    return this.logs().filter(({ id }) => id.topic === topic)
  }

  topics(): string[] {
    return [...new Set(this.logs().map(({ id }) => id.topic))].sort()
  }

  onCommit(listener: (log: LogView) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onRoll(): () => void {
    return () => {}
  }

  onTrim(): () => void {
    return () => {}
  }

  timestamp(): bigint {
    return this.#timestamp++
  }

  rule(): void {}

  /** Nothing here is about files. */
  segments(): [] {
    return []
  }

  trim(): Promise<boolean> {
    return Promise.resolve(true)
  }

  roll(): void {}

  beginAt(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #show(log: MemoryLog, end: number): void {
    log.end = end
    for (const listener of this.#listeners) listener(log)
  }
}
