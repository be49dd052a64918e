/**
 * Keeps what happened on a node lately, and tells it to whoever listens. Costs a little while it runs and nothing where
 * there is none; never throws into what it watches.
 *
 * Owns the run's sequence and its ring. What is inside may hold contexts as they are: everything that leaves goes through
 * `shown`.
 */

import type { AnyActorRef, InspectionEvent } from 'xstate'
import type { Clock, Timer } from '../env/env.ts'
import { ActorWatch, type Unstamped } from './actor-watch.ts'
import type { NodeFacts } from './facts.ts'
import type { HeardRecord, NoteRecord, SnapshotRecord, TraceRecord } from './record.ts'
import { redactContext } from './redact.ts'
import { type OwnRecord, Ring, sizeOfFacts } from './ring.ts'

export interface RecorderOptions {
  readonly node: string
  readonly epoch: string
  readonly clock: Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>
  /** Default: 10,000. */
  readonly maxRecords?: number
  /** Default: 16 MiB, as estimated. */
  readonly maxBytes?: number
  /** Told once, when something could not be recorded; it will not be told again. */
  readonly failed?: (error: unknown) => void
}

/** Gets whole, redacted records in their order, at most a few times a second. */
export type RecordListener = (records: readonly OwnRecord[]) => void

/** Records are given to listeners this long after the first of them. */
const gatherMs = 50

export class Recorder {
  readonly node: string
  readonly epoch: string
  readonly #clock: RecorderOptions['clock']
  readonly #failed: (error: unknown) => void
  readonly #ring: Ring
  readonly #watch = new ActorWatch((record) => this.#add(record as Unstamped<OwnRecord>))
  readonly #listeners = new Set<RecordListener>()
  #sequence = 0
  /** Of the last record that listeners have. */
  #told = 0
  #timer: Timer | undefined
  #hasFailed = false

  constructor({ node, epoch, clock, maxRecords = 10_000, maxBytes = 16 * 1024 ** 2, failed }: RecorderOptions) {
    this.node = node
    this.epoch = epoch
    this.#clock = clock
    this.#failed = failed ?? (() => {})
    this.#ring = new Ring({ node, epoch, atMs: clock.now() }, { records: maxRecords, bytes: maxBytes })
  }

  /** Of the last record. */
  get sequence(): number {
    return this.#sequence
  }

  /** Somebody listens. */
  get watched(): boolean {
    return this.#listeners.size > 0
  }

  /** For `createActor`. */
  readonly inspect = (event: InspectionEvent): void => {
    this.#safely(() => this.#watch.inspect(event))
  }

  crashed(root: AnyActorRef, error: unknown): void {
    this.#safely(() => this.#watch.crashed(root, error))
  }

  /** `facts`: only parts that changed; redacted by whoever gathered them. */
  learn(facts: NodeFacts): void {
    this.#safely(() => this.#add({ kind: 'facts', facts }))
  }

  heard(record: Pick<HeardRecord, 'what' | 'name' | 'from' | 'lTime' | 'payload'>): void {
    this.#safely(() => this.#add({ kind: 'heard', ...record }))
  }

  note(text: string, about?: NoteRecord['about']): void {
    this.#safely(() => this.#add({ kind: 'note', text, ...(about && { about }) }))
  }

  /** Where the node stands before the last `count` records, and those records. */
  history(count = Number.POSITIVE_INFINITY): { snapshot: SnapshotRecord; records: OwnRecord[] } {
    const { snapshot, records } = this.#ring.snapshotBefore(count)
    return { snapshot: shownSnapshot(snapshot), records: records.map(shown) }
  }

  /** Whether every record behind `sequence` is still here. */
  has(sequence: number): boolean {
    return sequence <= this.#sequence && sequence + 1 >= this.#ring.first
  }

  after(sequence: number): OwnRecord[] {
    return this.#ring.after(sequence).map(shown)
  }

  /** The listener gets what is recorded from now on. Returns what unsubscribes. */
  onRecords(listener: RecordListener): () => void {
    if (this.#listeners.size === 0) this.#told = this.#sequence
    else this.#tell()
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#clock.clearTimeout(this.#timer)
      this.#timer = undefined
    }
  }

  #add(record: Unstamped<OwnRecord>): void {
    // The very object: it may still grow.
    const stamped = Object.assign(record, {
      node: this.node,
      epoch: this.epoch,
      sequence: ++this.#sequence,
      atMs: this.#clock.now(),
    }) as OwnRecord
    this.#ring.push(stamped, sizeOf(stamped))
    if (this.#listeners.size > 0) this.#timer ??= this.#clock.setTimeout(() => this.#tell(), gatherMs)
  }

  #tell(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
    this.#safely(() => {
      const records = this.after(this.#told)
      this.#told = this.#sequence
      if (records.length > 0) for (const listener of this.#listeners) listener(records)
    })
  }

  #safely(work: () => void): void {
    try {
      work()
    } catch (error) {
      if (this.#hasFailed) return
      this.#hasFailed = true
      this.#failed(error)
    }
  }
}

/** Roughly what it takes in memory. */
function sizeOf(record: OwnRecord): number {
  if (record.kind === 'facts') return sizeOfFacts(record.facts)
  if (record.kind !== 'transition' && record.kind !== 'started') return 200
  let bytes = 600
  // What is in such a list is mostly also in the one before it.
  for (const name in record.context) {
    const entry = record.context[name]
    if (Array.isArray(entry)) bytes += 200 + 8 * entry.length
  }
  return bytes
}

function shown(record: OwnRecord): OwnRecord {
  if ((record.kind !== 'transition' && record.kind !== 'started') || record.context === undefined) return record
  return { ...record, context: redactContext(record.context) }
}

function shownSnapshot(snapshot: SnapshotRecord): SnapshotRecord {
  const actors = snapshot.actors.map((actor) => ({ ...actor, context: redactContext(actor.context) }))
  return { ...snapshot, actors }
}

export type { OwnRecord, TraceRecord }
