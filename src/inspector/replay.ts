/**
 * Where a node stood after any of its records: takes snapshots and records in their order, gives snapshots. The recorder
 * keeps one at the beginning of its ring; a page keeps one at the moment it shows. Pure; never throws on what fits the
 * types.
 */

import type { LogFacts, LogsPart, NodeFacts } from './facts.ts'
import type { ActorPath, ActorView, FactsRecord, SnapshotRecord, TraceRecord } from './record.ts'

export class NodeReplay {
  readonly node: string
  #epoch = ''
  #sequence = 0
  #atMs = 0
  readonly #actors = new Map<ActorPath, ActorView>()
  #facts: Omit<NodeFacts, 'logs'> = {}
  readonly #logs = new Map<string, LogFacts>()
  #logsOmitted: number | undefined
  /** As they were asked for last; undefined: something changed since. */
  #allLogs: LogsPart | undefined
  #allFacts: NodeFacts | undefined

  constructor(node: string) {
    this.node = node
  }

  /** The run; empty before the first record. */
  get epoch(): string {
    return this.#epoch
  }

  /** Of the last record applied; 0 before. */
  get sequence(): number {
    return this.#sequence
  }

  /** When it told that, by its own clock; 0 before. */
  get atMs(): number {
    return this.#atMs
  }

  /** The living actors, parents before their children. */
  get actors(): ReadonlyMap<ActorPath, ActorView> {
    return this.#actors
  }

  /** Each part is the same object until something of it changed. */
  get facts(): NodeFacts {
    if (this.#logsOmitted === undefined) return this.#facts
    this.#allLogs ??= { whole: true, entries: [...this.#logs.values()], omitted: this.#logsOmitted }
    this.#allFacts ??= { ...this.#facts, logs: this.#allLogs }
    return this.#allFacts
  }

  /** Records of other nodes, of none, and those that are older than what was applied, change nothing. */
  apply(record: TraceRecord): void {
    if (record.kind === 'gap' || record.kind === 'relay' || record.node !== this.node) return
    if (record.kind === 'snapshot') {
      this.#begin(record)
      return
    }
    if (record.epoch !== this.#epoch) this.#begin({ ...record, actors: [], facts: {} })
    else if (record.sequence <= this.#sequence) return
    this.#sequence = record.sequence
    this.#atMs = record.atMs
    switch (record.kind) {
      case 'started': {
        const { actor, parent, id, chart, logic, after, context, sequence, atMs } = record
        const view = { actor, parent, id, chart, logic, states: after, context }
        this.#actors.delete(actor)
        this.#actors.set(actor, { ...view, startedAt: sequence, startedMs: atMs, handled: 0 })
        break
      }
      case 'transition': {
        const actor = this.#actors.get(record.actor)
        if (!actor) break
        const context = record.context ? { ...actor.context, ...record.context } : actor.context
        this.#actors.set(record.actor, { ...actor, states: record.after, context, handled: actor.handled + 1 })
        break
      }
      case 'stopped':
        this.#actors.delete(record.actor)
        break
      case 'facts':
        this.#learn(record)
        break
    }
  }

  snapshot(): SnapshotRecord {
    return {
      kind: 'snapshot',
      node: this.node,
      epoch: this.#epoch,
      sequence: this.#sequence,
      atMs: this.#atMs,
      actors: [...this.#actors.values()],
      facts: this.facts,
    }
  }

  #begin({ epoch, sequence, atMs, actors, facts }: Omit<SnapshotRecord, 'kind'>): void {
    this.#epoch = epoch
    this.#sequence = sequence
    this.#atMs = atMs
    this.#actors.clear()
    for (const actor of actors) this.#actors.set(actor.actor, actor)
    const { logs, ...others } = facts
    this.#facts = others
    this.#allFacts = undefined
    this.#allLogs = undefined
    this.#logs.clear()
    this.#logsOmitted = undefined
    if (logs) this.#learnLogs(logs)
  }

  #learn({ facts: { logs, ...others } }: FactsRecord): void {
    this.#facts = { ...this.#facts, ...others }
    this.#allFacts = undefined
    if (logs) this.#learnLogs(logs)
  }

  #learnLogs({ whole, entries, omitted }: LogsPart): void {
    if (whole) this.#logs.clear()
    for (const log of entries) this.#logs.set(`${log.topic}/${log.origin}/${log.epoch}`, log)
    this.#logsOmitted = omitted
    this.#allLogs = undefined
  }
}
