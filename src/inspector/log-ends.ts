/**
 * How far each log is, here and elsewhere: the ones that changed last, as many as are told. Owns what was told of each;
 * the cost of a look follows the number that is told, not that of all logs.
 */

import type { LogView } from '../log/log-view.ts'
import type { LogFacts, LogsPart } from './facts.ts'

export interface LogSources {
  readonly logs: () => readonly LogView[]
  /** Ends elsewhere, by peer. */
  readonly peersOf: (log: LogView) => ReadonlyMap<string, number>
}

export interface Growth {
  /** Records that became durable since the last look, of this run and of others. */
  readonly written: number
  readonly copied: number
}

const toldMax = 500

export class LogEnds {
  readonly #sources: LogSources
  /** The one that changed last is the last. */
  readonly #tracked = new Map<string, LogView>()
  readonly #told = new Map<string, { readonly facts: LogFacts; readonly mark: string }>()
  readonly #counted = new Map<string, number>()
  #changed = new Set<LogView>()
  #whole = true
  #total = 0

  constructor(sources: LogSources) {
    this.#sources = sources
  }

  /** To be called when a log's visible end or start moved. Cheap: it is on the way of every commit. */
  changed(log: LogView): void {
    this.#changed.add(log)
  }

  /** Once, when the logs are open. */
  begin(): void {
    const logs = [...this.#sources.logs()].sort((a, b) => (a.newest < b.newest ? -1 : 1))
    for (const log of logs) this.#counted.set(log.key, log.end)
    for (const log of logs.slice(-toldMax)) this.#tracked.set(log.key, log)
    this.#total = logs.length
  }

  /** The next look tells everything. */
  repeat(): void {
    this.#whole = true
  }

  /** What changed since the last look; undefined: nothing. */
  look(): { readonly part: LogsPart | undefined; readonly growth: Growth } {
    const growth = this.#grown()
    const changed = this.#changed
    this.#changed = new Set()
    for (const log of changed) {
      this.#tracked.delete(log.key)
      this.#tracked.set(log.key, log)
    }
    for (const key of this.#tracked.keys()) {
      if (this.#tracked.size <= toldMax) break
      this.#tracked.delete(key)
      if (this.#told.delete(key)) this.#whole = true
    }
    const entries: LogFacts[] = []
    for (const log of this.#tracked.values()) {
      const facts = factsOf(log, this.#sources.peersOf(log))
      const mark = JSON.stringify([facts.start, facts.end, facts.bytes, facts.peers])
      if (!this.#whole && this.#told.get(log.key)?.mark === mark) continue
      this.#told.set(log.key, { facts, mark })
      entries.push(facts)
    }
    const whole = this.#whole
    this.#whole = false
    const omitted = Math.max(0, this.#total - this.#tracked.size)
    return { part: whole || entries.length > 0 ? { whole, entries, omitted } : undefined, growth }
  }

  /** The latest hybrid time of the logs that are told, ms since 1970, with the run that wrote it. */
  newest(): { readonly origin: string; readonly ms: number } | undefined {
    let newest: LogView | undefined
    for (const log of this.#tracked.values()) if (!log.own && log.newest > (newest?.newest ?? 0n)) newest = log
    return newest && { origin: newest.id.origin, ms: Number(newest.newest >> 16n) }
  }

  #grown(): Growth {
    let written = 0
    let copied = 0
    for (const log of this.#changed) {
      const before = this.#counted.get(log.key)
      if (before === undefined) this.#total++
      // A copy may begin behind what nobody has any more.
      const records = Math.max(0, log.end - (before ?? log.start))
      this.#counted.set(log.key, log.end)
      if (log.own) written += records
      else copied += records
    }
    return { written, copied }
  }
}

function factsOf(log: LogView, peers: ReadonlyMap<string, number>): LogFacts {
  const { id, own, start, end, bytes } = log
  return { ...id, own, start, end, bytes, peers: Object.fromEntries(peers) }
}
