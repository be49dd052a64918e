/**
 * What this node holds, summed up so that two nodes that hold the same notice it by one number. Logs are grouped by topic
 * and origin; in each group only the latest run is told, all before it are a sum of hashes. Sums are made when somebody
 * asks, and only of groups in which something moved since: the cost follows activity, not history.
 *
 * Hashes cover how far a log reaches, not where it starts: each node trims its own copy when it will.
 */

import { xxh64 } from '@node-rs/xxhash'
import type { Journal, LogView } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import type { Holding } from './directory.ts'

export interface GroupDigest {
  readonly latest: Holding
  /** Of all runs before it. */
  readonly older: bigint
}

interface Group {
  readonly topic: string
  readonly origin: string
  /** Mostly one: a map for each group is more than all else that is known of it. */
  logs: LogView[]
  /** Epochs are made in order of time. */
  latest: string
  /** The last sum asked for: of the runs before this epoch. Undefined: one of them moved. */
  older: { readonly before: string; readonly sum: bigint } | undefined
}

/** Names a group: neither part can hold a slash. */
export function groupKey({ topic, origin }: { readonly topic: string; readonly origin: string }): string {
  return `${topic}/${origin}`
}

export class Summary {
  readonly #groups = new Map<string, Map<string, Group>>()
  #root: bigint | undefined

  /** All there is in the journal, from now on. */
  follow(journal: Journal): this {
    for (const log of journal.logs()) this.note(log)
    journal.onCommit((log) => this.note(log))
    // A copy that begins anew ends where it begins then.
    journal.onTrim((log) => this.note(log))
    return this
  }

  /** There is this log, or it moved. */
  note(log: LogView): void {
    const { topic, origin, epoch } = log.id
    let origins = this.#groups.get(topic)
    if (!origins) {
      origins = new Map()
      this.#groups.set(topic, origins)
    }
    let group = origins.get(origin)
    if (!group) {
      group = { topic, origin, logs: [log], latest: epoch, older: undefined }
      origins.set(origin, group)
    }
    this.#root = undefined
    // The latest, which is there, is the one that mostly moves.
    if (epoch !== group.latest && !logIn(group, epoch)) group.logs.push(log)
    if (epoch > group.latest) group.latest = epoch
    // A peer may have asked for what is before a run that we have not got yet.
    if (group.older && epoch < group.older.before) group.older = undefined
  }

  /** This log is gone. */
  forget({ topic, origin, epoch }: LogId): void {
    const origins = this.#groups.get(topic)
    const group = origins?.get(origin)
    if (!group || !logIn(group, epoch)) return
    group.logs = group.logs.filter(({ id }) => id.epoch !== epoch)
    this.#root = undefined
    group.older = undefined
    group.latest = group.logs.reduce((latest, { id }) => (id.epoch > latest ? id.epoch : latest), '')
    if (group.logs.length === 0) origins?.delete(origin)
    if (origins?.size === 0) this.#groups.delete(topic)
  }

  /** Equal on two nodes that hold the same logs up to the same ends. */
  root(): bigint {
    if (this.#root === undefined) {
      let sum = 0n
      for (const group of this.#all()) {
        const { latest } = group
        const runs = olderThan(group, latest) + hashOf(logIn(group, latest) as LogView)
        sum += xxh64(groupKey(group), BigInt.asUintN(64, runs))
      }
      this.#root = BigInt.asUintN(64, sum)
    }
    return this.#root
  }

  *digests(): Generator<GroupDigest> {
    for (const group of this.#all()) {
      yield { latest: logIn(group, group.latest) as LogView, older: olderThan(group, group.latest) }
    }
  }

  /** The sum of the runs before `epoch`: 0n where there are none. */
  older(topic: string, origin: string, epoch: string): bigint {
    const group = this.#groups.get(topic)?.get(origin)
    return group ? olderThan(group, epoch) : 0n
  }

  logsOf(topic: string, origin: string): LogView[] {
    return [...(this.#groups.get(topic)?.get(origin)?.logs ?? [])]
  }

  /** What this run wrote, topic by topic. */
  logsOfRun(origin: string, epoch: string): LogView[] {
    const found: LogView[] = []
    for (const origins of this.#groups.values()) {
      const group = origins.get(origin)
      const log = group && logIn(group, epoch)
      if (log) found.push(log)
    }
    return found
  }

  *#all(): Generator<Group> {
    for (const origins of this.#groups.values()) yield* origins.values()
  }
}

function logIn(group: Group, epoch: string): LogView | undefined {
  return group.logs.find(({ id }) => id.epoch === epoch)
}

function olderThan(group: Group, before: string): bigint {
  if (group.older?.before !== before) {
    let sum = 0n
    for (const log of group.logs) if (log.id.epoch < before) sum += hashOf(log)
    group.older = { before, sum: BigInt.asUintN(64, sum) }
  }
  return group.older.sum
}

function hashOf({ id, end }: LogView): bigint {
  return xxh64(`${id.epoch} ${end}`)
}
