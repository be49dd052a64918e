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
  /** By topic: a group for each origin, of which many topics have one. */
  readonly #groups = new Map<string, Group[]>()
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
    let group = this.#group(topic, origin)
    if (!group) {
      group = { topic, origin, logs: [log], latest: epoch, older: undefined }
      const groups = this.#groups.get(topic)
      if (groups) groups.push(group)
      else this.#groups.set(topic, [group])
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
    const group = this.#group(topic, origin)
    if (!group || !logIn(group, epoch)) return
    group.logs = group.logs.filter(({ id }) => id.epoch !== epoch)
    this.#root = undefined
    group.older = undefined
    group.latest = group.logs.reduce((latest, { id }) => (id.epoch > latest ? id.epoch : latest), '')
    if (group.logs.length > 0) return
    const others = (this.#groups.get(topic) as Group[]).filter((other) => other !== group)
    if (others.length > 0) this.#groups.set(topic, others)
    else this.#groups.delete(topic)
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
    const group = this.#group(topic, origin)
    return group ? olderThan(group, epoch) : 0n
  }

  logsOf(topic: string, origin: string): LogView[] {
    return [...(this.#group(topic, origin)?.logs ?? [])]
  }

  /** What this run wrote, topic by topic. */
  logsOfRun(origin: string, epoch: string): LogView[] {
    const found: LogView[] = []
    for (const topic of this.#groups.keys()) {
      const group = this.#group(topic, origin)
      const log = group && logIn(group, epoch)
      if (log) found.push(log)
    }
    return found
  }

  #group(topic: string, origin: string): Group | undefined {
    return this.#groups.get(topic)?.find((group) => group.origin === origin)
  }

  *#all(): Generator<Group> {
    for (const groups of this.#groups.values()) yield* groups
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
