/**
 * The last records of a node, bounded in number and bytes. Owns them, and where the node stood before the first of them:
 * what falls out is folded into that.
 */

import type { NodeFacts } from './facts.ts'
import type { SnapshotRecord, TraceRecord } from './record.ts'
import { NodeReplay } from './replay.ts'

export type OwnRecord = Exclude<TraceRecord, { kind: 'snapshot' | 'gap' | 'relay' }>

export interface RingLimits {
  readonly records: number
  /** An estimate is held against it, not the JSON's length: that is not made before somebody asks. */
  readonly bytes: number
}

export class Ring {
  readonly #limits: RingLimits
  readonly #before: NodeReplay
  #records: OwnRecord[] = []
  #sizes: number[] = []
  /** Of `#records`, those that fell out already; cut off now and then. */
  #gone = 0
  #bytes = 0

  /** `begin`: the run, before its first record. */
  constructor(begin: { readonly node: string; readonly epoch: string; readonly atMs: number }, limits: RingLimits) {
    this.#limits = limits
    this.#before = new NodeReplay(begin.node)
    this.#before.apply({ kind: 'snapshot', ...begin, sequence: 0, actors: [], facts: {} })
  }

  get size(): number {
    return this.#records.length - this.#gone
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Sequence of the first record that is still here; 0: there is none. */
  get first(): number {
    return this.#records[this.#gone]?.sequence ?? 0
  }

  push(record: OwnRecord, bytes: number): void {
    this.#records.push(record)
    this.#sizes.push(bytes)
    this.#bytes += bytes
    while (this.size > 1 && (this.size > this.#limits.records || this.#bytes > this.#limits.bytes)) this.#drop()
    if (this.#gone < 1024 || this.#gone < this.size) return
    this.#records = this.#records.slice(this.#gone)
    this.#sizes = this.#sizes.slice(this.#gone)
    this.#gone = 0
  }

  /** Records behind `sequence`, the oldest first; only those that are still here. */
  after(sequence: number): OwnRecord[] {
    const skipped = this.first === 0 ? 0 : Math.max(0, sequence - this.first + 1)
    return this.#records.slice(this.#gone + skipped)
  }

  /** Where the node stood before the last `count` records. */
  snapshotBefore(count: number): { readonly snapshot: SnapshotRecord; readonly records: OwnRecord[] } {
    const split = Math.max(this.#gone, this.#records.length - count)
    const replay = new NodeReplay(this.#before.node)
    replay.apply(this.#before.snapshot())
    for (let at = this.#gone; at < split; at++) replay.apply(this.#records[at] as OwnRecord)
    return { snapshot: replay.snapshot(), records: this.#records.slice(split) }
  }

  #drop(): void {
    const record = this.#records[this.#gone] as OwnRecord
    this.#before.apply(record)
    this.#bytes -= this.#sizes[this.#gone] as number
    this.#records[this.#gone] = undefined as never
    this.#gone++
  }
}

/** What a part of the facts takes, roughly: they are the only records that can be large. */
export function sizeOfFacts({ logs, members, links, alarms }: NodeFacts): number {
  const entries = logs?.entries.length ?? 0
  return 400 + 250 * entries + 300 * ((members?.length ?? 0) + (links?.length ?? 0) + (alarms?.length ?? 0))
}
