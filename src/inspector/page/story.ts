/**
 * All that is known of a cluster, record by record, and where everything stood after any of them. Owns the order in
 * which records are shown, the moment that is shown, and how much is kept. Knows no browser.
 *
 * Checkpoints on the way make that going to any moment costs some hundred records and not all of them.
 */

import type { RelayRecord, SnapshotRecord, TraceRecord } from '../record.ts'
import { NodeReplay } from '../replay.ts'

/** Where all nodes stood at one moment. */
export interface Moment {
  /** How many of the records that are kept are in it. */
  readonly position: number
  readonly atMs: number
  readonly nodes: ReadonlyMap<string, NodeReplay>
  /** What became of asking each peer; of live pages only. */
  readonly relays: ReadonlyMap<string, RelayRecord>
}

interface Checkpoint {
  readonly position: number
  readonly snapshots: readonly SnapshotRecord[]
  readonly relays: ReadonlyMap<string, RelayRecord>
}

export const recordsMax = 50_000
const checkpointEvery = 500

export class Story {
  readonly #max: number
  /** Those that are kept; the first has position `#dropped`. */
  #records: TraceRecord[] = []
  #dropped = 0
  #checkpoints: Checkpoint[] = []
  readonly #now: Standing = new Standing()
  #shown: { readonly position: number; readonly standing: Standing } | undefined

  constructor(max = recordsMax) {
    this.#max = max
    this.#checkpoint()
  }

  /** Positions are the counts of records before them; those that can be shown. */
  get first(): number {
    return this.#dropped
  }

  get last(): number {
    return this.#dropped + this.#records.length
  }

  /** The next thing that happened, in the order in which it is told. */
  add(record: TraceRecord): void {
    this.#records.push(record)
    this.#now.apply(record)
    if ((this.last - this.#dropped) % checkpointEvery === 0) this.#checkpoint()
    if (this.#records.length > this.#max + checkpointEvery) this.#forget()
  }

  /** Where everything stands now. */
  now(): Moment {
    return this.#now.moment(this.last)
  }

  /** Where everything stood after so many records; what cannot be told any more is the first that can. */
  at(position: number): Moment {
    const wanted = Math.min(Math.max(Math.trunc(position), this.first), this.last)
    if (wanted === this.last) return this.now()
    if (!this.#shown || this.#shown.position > wanted || wanted - this.#shown.position > checkpointEvery) {
      const from = this.#checkpoints.findLast((checkpoint) => checkpoint.position <= wanted) as Checkpoint
      this.#shown = { position: from.position, standing: Standing.from(from) }
    }
    const { standing } = this.#shown
    for (let at = this.#shown.position; at < wanted; at++) standing.apply(this.record(at) as TraceRecord)
    this.#shown = { position: wanted, standing }
    return standing.moment(wanted)
  }

  /** The record at this position: the one that leads from there to the next. */
  record(position: number): TraceRecord | undefined {
    return this.#records[position - this.#dropped]
  }

  /** Records from one position to before another. */
  between(from: number, to: number): readonly TraceRecord[] {
    return this.#records.slice(Math.max(0, from - this.#dropped), Math.max(0, to - this.#dropped))
  }

  #checkpoint(): void {
    this.#checkpoints.push({ position: this.last, ...this.#now.checkpoint() })
  }

  /** The oldest, up to a checkpoint: it says all that is still to be known of them. */
  #forget(): void {
    const to = this.#checkpoints.find(({ position }) => position >= this.last - this.#max)
    if (!to) return
    this.#checkpoints = this.#checkpoints.filter(({ position }) => position >= to.position)
    this.#records = this.#records.slice(to.position - this.#dropped)
    this.#dropped = to.position
    if (this.#shown && this.#shown.position < to.position) this.#shown = undefined
  }
}

/** All nodes as they stand. */
class Standing {
  readonly #nodes = new Map<string, NodeReplay>()
  readonly #relays = new Map<string, RelayRecord>()
  #atMs = 0

  static from({ snapshots, relays }: Checkpoint): Standing {
    const standing = new Standing()
    for (const snapshot of snapshots) standing.apply(snapshot)
    for (const relay of relays.values()) standing.apply(relay)
    return standing
  }

  apply(record: TraceRecord): void {
    if (record.kind === 'gap') return
    this.#atMs = record.atMs
    if (record.kind === 'relay') {
      this.#relays.set(record.node, record)
      return
    }
    let node = this.#nodes.get(record.node)
    if (!node) {
      node = new NodeReplay(record.node)
      this.#nodes.set(record.node, node)
    }
    node.apply(record)
  }

  moment(position: number): Moment {
    return { position, atMs: this.#atMs, nodes: this.#nodes, relays: this.#relays }
  }

  checkpoint(): Omit<Checkpoint, 'position'> {
    return { snapshots: [...this.#nodes.values()].map((node) => node.snapshot()), relays: new Map(this.#relays) }
  }
}
