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
  /** Epochs are made in order of time. */
  latest: LogView
  /** All runs before it: mostly none, and a list for each group is more than all else that is known of it. */
  earlier: readonly LogView[]
  /** The last sum asked for: of the runs before this epoch. Undefined: one of them moved. */
  older: { readonly before: string; readonly sum: bigint } | undefined
}

const none: readonly LogView[] = []

/** Names a group: neither part can hold a slash. */
export function groupKey({ topic, origin }: { readonly topic: string; readonly origin: string }): string {
  return `${topic}/${origin}`
}

export class Summary {
  /** By origin and topic. */
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
    this.#root = undefined
    const { topic, origin, epoch } = log.id
    const group = this.#group(topic, origin)
    if (!group) {
      const groups = this.#groups.get(origin) ?? new Map<string, Group>()
      this.#groups.set(origin, groups.set(topic, { latest: log, earlier: none, older: undefined }))
      return
    }
    // The latest, which is there, is the one that mostly moves.
    if (epoch > group.latest.id.epoch) {
      group.earlier = [...group.earlier, group.latest]
      group.latest = log
    } else if (!logIn(group, epoch)) group.earlier = [...group.earlier, log]
    // A peer may have asked for what is before a run that we have not got yet.
    if (group.older && epoch < group.older.before) group.older = undefined
  }

  /** This log is gone. */
  forget({ topic, origin, epoch }: LogId): void {
    const group = this.#group(topic, origin)
    if (!group || !logIn(group, epoch)) return
    this.#root = undefined
    group.older = undefined
    const [first, ...others] = logsIn(group).filter(({ id }) => id.epoch !== epoch)
    if (!first) {
      this.#groups.get(origin)?.delete(topic)
      return
    }
    group.latest = others.reduce((latest, log) => (log.id.epoch > latest.id.epoch ? log : latest), first)
    group.earlier = [first, ...others].filter((log) => log !== group.latest)
  }

  /** Equal on two nodes that hold the same logs up to the same ends. */
  root(): bigint {
    if (this.#root === undefined) {
      let sum = 0n
      for (const group of this.#all()) {
        const { latest } = group
        const runs = olderThan(group, latest.id.epoch) + hashOf(latest)
        sum += xxh64(groupKey(latest.id), BigInt.asUintN(64, runs))
      }
      this.#root = BigInt.asUintN(64, sum)
    }
    return this.#root
  }

  *digests(): Generator<GroupDigest> {
    for (const group of this.#all()) {
      yield { latest: group.latest, older: olderThan(group, group.latest.id.epoch) }
    }
  }

  /** The sum of the runs before `epoch`: 0n where there are none. */
  older(topic: string, origin: string, epoch: string): bigint {
    const group = this.#group(topic, origin)
    return group ? olderThan(group, epoch) : 0n
  }

  logsOf(topic: string, origin: string): LogView[] {
    const group = this.#group(topic, origin)
    return group ? logsIn(group) : []
  }

  /** What this run wrote, topic by topic. */
  logsOfRun(origin: string, epoch: string): LogView[] {
    return [...(this.#groups.get(origin)?.values() ?? [])].flatMap((group) => logIn(group, epoch) ?? [])
  }

  #group(topic: string, origin: string): Group | undefined {
    return this.#groups.get(origin)?.get(topic)
  }

  *#all(): Generator<Group> {
    for (const groups of this.#groups.values()) yield* groups.values()
  }
}

function logsIn({ latest, earlier }: Group): LogView[] {
  return [...earlier, latest]
}

function logIn({ latest, earlier }: Group, epoch: string): LogView | undefined {
  return latest.id.epoch === epoch ? latest : earlier.find(({ id }) => id.epoch === epoch)
}

function olderThan(group: Group, before: string): bigint {
  if (group.earlier === none && group.latest.id.epoch >= before) return 0n
  if (group.older?.before !== before) {
    let sum = 0n
    for (const log of logsIn(group)) if (log.id.epoch < before) sum += hashOf(log)
    group.older = { before, sum: BigInt.asUintN(64, sum) }
  }
  return group.older.sum
}

function hashOf({ id, end }: LogView): bigint {
  return xxh64(`${id.epoch} ${end}`)
}
