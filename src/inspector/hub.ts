/**
 * The records of all nodes, in the order in which they came here, as text for whoever watches. Owns a ring of them, where
 * each node stood before the first and after the last of them, and who watches. A watcher that does not keep up is not
 * queued for: it goes on where the ring begins by then, and is told what it missed.
 */

import type { Decoded } from '../decoded.ts'
import type { GapRecord, RelayRecord, SnapshotRecord, TraceRecord } from './record.ts'
import { NodeReplay } from './replay.ts'

type NodeRecord = Exclude<TraceRecord, GapRecord | RelayRecord>

/** What a watcher gets; `id` says how to go on behind it. */
export interface Entry {
  readonly id: number
  readonly text: string
  /** Whose; empty: a `gap` or `relay`, which change no state. */
  readonly node: string
  readonly epoch: string
  readonly sequence: number
}

export interface HubLimits {
  readonly entries: number
  /** Of their text. */
  readonly bytes: number
}

const defaultLimits: HubLimits = { entries: 50_000, bytes: 32 * 1024 ** 2 }

export class Hub {
  readonly #limits: HubLimits
  #entries: Entry[] = []
  /** Of `#entries`, those that fell out already. */
  #gone = 0
  #bytes = 0
  #nextId = 1
  readonly #before = new Map<string, NodeReplay>()
  readonly #after = new Map<string, NodeReplay>()
  /** What became of asking each peer, before the first entry and after the last. */
  readonly #relaysBefore = new Map<string, RelayRecord>()
  readonly #relays = new Map<string, RelayRecord>()
  readonly #listeners = new Set<() => void>()

  constructor(limits: HubLimits = defaultLimits) {
    this.#limits = limits
  }

  /**
   * Takes what a node told, in its order; what is known already is left out, so that a node may tell it again.
   */
  add(records: readonly TraceRecord[]): void {
    for (const record of records) {
      if (record.kind === 'relay') this.#relays.set(record.node, record)
      if (record.kind === 'relay' || record.kind === 'gap') this.#push(record, '', '', 0)
      else if (this.#isNews(record)) {
        this.#replayOf(this.#after, record.node).apply(record)
        this.#push(record, record.node, record.epoch, record.sequence)
      }
    }
    for (const listener of this.#listeners) listener()
  }

  /** Epoch and sequence of a node's last record; undefined: there is none. */
  reached(node: string): { readonly epoch: string; readonly sequence: number } | undefined {
    return this.#after.get(node)
  }

  /** Where every node stands. */
  snapshots(): SnapshotRecord[] {
    return [...this.#after.values()].map((replay) => replay.snapshot())
  }

  relays(): RelayRecord[] {
    return [...this.#relays.values()]
  }

  get firstId(): number {
    return this.#entries[this.#gone]?.id ?? this.#nextId
  }

  get nextId(): number {
    return this.#nextId
  }

  /** Where every node stood before the first entry, and what became of asking the others. */
  beginning(): (SnapshotRecord | RelayRecord)[] {
    return [...this.#relaysBefore.values(), ...[...this.#before.values()].map((replay) => replay.snapshot())]
  }

  /** The entry of that id; undefined: it is not there yet, or no more. */
  at(id: number): Entry | undefined {
    const index = id - this.firstId
    return index < 0 ? undefined : this.#entries[this.#gone + index]
  }

  /** Called after entries were added. Returns what unsubscribes. */
  onAdded(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #isNews(record: NodeRecord): boolean {
    const known = this.#after.get(record.node)
    if (!known || known.epoch !== record.epoch) return true
    return record.sequence > known.sequence
  }

  #push(record: TraceRecord, node: string, epoch: string, sequence: number): void {
    const text = JSON.stringify(record)
    this.#entries.push({ id: this.#nextId++, text, node, epoch, sequence })
    this.#bytes += text.length
    const { entries, bytes } = this.#limits
    while (this.#entries.length - this.#gone > 1) {
      if (this.#entries.length - this.#gone <= entries && this.#bytes <= bytes) break
      this.#drop()
    }
    if (this.#gone < 1024 || this.#gone * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#gone)
    this.#gone = 0
  }

  #drop(): void {
    const { text } = this.#entries[this.#gone] as Entry
    this.#bytes -= text.length
    this.#entries[this.#gone++] = undefined as never
    const record = JSON.parse(text) as TraceRecord
    if (record.kind === 'relay') this.#relaysBefore.set(record.node, record)
    else if (record.kind !== 'gap') this.#replayOf(this.#before, record.node).apply(record)
  }

  #replayOf(replays: Map<string, NodeReplay>, node: string): NodeReplay {
    let replay = replays.get(node)
    if (!replay) {
      replay = new NodeReplay(node)
      replays.set(node, replay)
    }
    return replay
  }
}

/** Where a watcher left off: which hub, and the last entry it has. */
export function parseEventId(text: string): Decoded<{ hub: string; id: number }> {
  const [, hub, id] = /^([0-9a-f]{16})-(\d{1,15})$/.exec(text) ?? []
  return hub === undefined ? { ok: false, problem: 'no event id' } : { ok: true, value: { hub, id: Number(id) } }
}

export function eventId(hub: string, id: number): string {
  return `${hub}-${id}`
}
