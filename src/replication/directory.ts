/**
 * Who holds how much: what each peer we are connected to said it has of every log, and which of its copies proved
 * unusable. Knows nothing of our own logs and decides nothing.
 */

import type { LogId } from '../log/log-id.ts'
import { logKey } from '../log/log-id.ts'

export interface Holding {
  readonly id: LogId
  /** First offset that is still there. */
  readonly start: number
  /** The offset after the last. */
  readonly end: number
}

export interface Source {
  readonly name: string
  /** The run of that node. */
  readonly epoch: string
  readonly logs: ReadonlyMap<string, Holding>
}

export class Directory {
  readonly #sources = new Map<string, { name: string; epoch: string; logs: Map<string, Holding> }>()
  /** By peer: logs whose copy there contradicts ours or is damaged. Forgotten when that peer runs anew. */
  readonly #excluded = new Map<string, { epoch: string; keys: Set<string> }>()

  /** A peer's list: all it has (`complete`), or what changed. */
  update(name: string, epoch: string, holdings: readonly Holding[], complete: boolean): void {
    let source = this.#sources.get(name)
    if (!source || source.epoch !== epoch || complete) {
      source = { name, epoch, logs: new Map() }
      this.#sources.set(name, source)
    }
    for (const holding of holdings) {
      const key = logKey(holding.id)
      const known = source.logs.get(key)
      // Copies only grow: a smaller end is older news.
      source.logs.set(key, known && known.end > holding.end ? { ...holding, end: known.end } : holding)
    }
  }

  /** Its frames reached this far: it holds at least that. */
  noteEnd(name: string, id: LogId, end: number): void {
    const logs = this.#sources.get(name)?.logs
    const key = logKey(id)
    const known = logs?.get(key)
    if (logs && (!known || known.end < end)) logs.set(key, { id, start: known?.start ?? 0, end })
  }

  /** The connection is gone; what it said is worth nothing now. */
  forget(name: string): void {
    this.#sources.delete(name)
  }

  exclude(name: string, epoch: string, key: string): void {
    const excluded = this.#excluded.get(name)
    if (excluded?.epoch === epoch) excluded.keys.add(key)
    else this.#excluded.set(name, { epoch, keys: new Set([key]) })
  }

  isExcluded(source: Source, key: string): boolean {
    const excluded = this.#excluded.get(source.name)
    return excluded !== undefined && excluded.epoch === source.epoch && excluded.keys.has(key)
  }

  source(name: string): Source | undefined {
    return this.#sources.get(name)
  }

  sources(): IterableIterator<Source> {
    return this.#sources.values()
  }
}
