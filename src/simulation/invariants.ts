/** What must hold in every cluster, as pure checks over plain snapshots of its nodes. */

import type { JudgeName } from './judges/judge.ts'
import type { OpenResources } from './process.ts'

/** A node's copy of one log. */
export interface CopySnapshot {
  /** Names the log in the whole cluster. */
  readonly log: string
  /** Offsets of the first record held and of the first one not held yet. */
  readonly start: number
  readonly end: number
}

/** Frames of one log in order. */
export interface HeldFrames {
  readonly log: string
  readonly frames: readonly HeldFrame[]
}

export interface HeldFrame {
  /** Offsets of its first record and behind its last. */
  readonly base: number
  readonly end: number
  /** A hash of the log's content up to its end. */
  readonly chain: bigint
}

export interface HeldCopies {
  /** Of the node. */
  readonly name: string
  readonly copies: readonly CopySnapshot[]
}

export interface NodeSnapshot extends HeldCopies {
  /** Ids of all records that can be read, duplicates and all. */
  readonly records: readonly string[]
  /** Producer and sequence of those that have them, duplicates and all. */
  readonly places: readonly string[]
  /** Peers a replicator is wanted for, and peers one is running for. */
  readonly wanted: readonly string[]
  readonly running: readonly string[]
  /** Of these, those that have not got all that their peer had. */
  readonly lagging?: readonly string[]
}

export type Violation =
  | { readonly kind: 'copiesDiffer'; readonly log: string; readonly offset: number; readonly nodes: readonly string[] }
  | {
      readonly kind: 'copyShrank'
      readonly node: string
      readonly log: string
      readonly from: number
      readonly to: number
    }
  | {
      readonly kind: 'copyBehind'
      readonly node: string
      readonly log: string
      readonly end: number
      readonly longest: number
    }
  | { readonly kind: 'recordsMissing'; readonly node: string; readonly count: number; readonly first: string }
  | { readonly kind: 'idReused'; readonly node: string; readonly record: string }
  | { readonly kind: 'recordTwice'; readonly node: string; readonly record: string }
  | { readonly kind: 'storedTwice'; readonly node: string; readonly place: string }
  | { readonly kind: 'twoIds'; readonly node: string; readonly record: string; readonly again: string }
  | {
      readonly kind: 'replicatorsDiffer'
      readonly node: string
      readonly wanted: readonly string[]
      readonly running: readonly string[]
    }
  | {
      readonly kind: 'peersUnknown'
      readonly node: string
      readonly wanted: readonly string[]
      readonly live: readonly string[]
    }
  | { readonly kind: 'notCaughtUp'; readonly node: string; readonly peers: readonly string[] }
  | { readonly kind: 'stillOpen'; readonly node: string; readonly open: readonly string[] }
  | { readonly kind: 'startFailed'; readonly node: string; readonly reason: string }
  | { readonly kind: 'stopFailed'; readonly node: string; readonly reason: string }
  | { readonly kind: 'processFailed'; readonly node: string; readonly reason: string }
  | { readonly kind: 'neverStarted'; readonly node: string }
  /** What a judge found (see `judges`). */
  | { readonly kind: JudgeName; readonly node: string; readonly reason: string }

export function describeViolation(violation: Violation): string {
  const list = (names: readonly string[]): string => `[${[...names].sort().join(' ')}]`
  switch (violation.kind) {
    case 'copiesDiffer':
      return `copies of ${violation.log} differ up to offset ${violation.offset}: ${violation.nodes.join(' against ')}`
    case 'copyShrank':
      return `${violation.node}: its copy of ${violation.log} shrank from ${violation.from} to ${violation.to}`
    case 'copyBehind':
      return `${violation.node}: its copy of ${violation.log} ends at ${violation.end}, the longest at ${violation.longest}`
    case 'recordsMissing':
      return `${violation.node}: ${violation.count} acknowledged records are missing, the first is ${violation.first}`
    case 'idReused':
      return `${violation.node}: acknowledged ${violation.record}, which was another record's id before`
    case 'recordTwice':
      return `${violation.node}: record ${violation.record} can be read twice`
    case 'storedTwice':
      return `${violation.node}: what was sent again is stored again: ${violation.place}`
    case 'twoIds':
      return `${violation.node}: acknowledged ${violation.record}, and then ${violation.again} for the same sequence`
    case 'replicatorsDiffer':
      return `${violation.node}: wants replicators of ${list(violation.wanted)}, runs ${list(violation.running)}`
    case 'peersUnknown':
      return `${violation.node}: wants ${list(violation.wanted)}, alive are ${list(violation.live)}`
    case 'notCaughtUp':
      return `${violation.node}: its replicators of ${list(violation.peers)} have not caught up`
    case 'stillOpen':
      return `${violation.node}: still open after stop: ${violation.open.join(', ')}`
    case 'neverStarted':
      return `${violation.node}: did not come up`
    default:
      return `${violation.node}: ${violation.kind}: ${violation.reason}`
  }
}

/** A copy only grows, through crashes too: what was visible was durable. */
export function checkGrowth(before: HeldCopies, after: HeldCopies): Violation[] {
  const ends = new Map(after.copies.map((copy) => [copy.log, copy.end]))
  return before.copies.flatMap(({ log, end }): Violation[] => {
    const to = ends.get(log) ?? 0
    return to < end ? [{ kind: 'copyShrank', node: after.name, log, from: end, to }] : []
  })
}

/**
 * Once all is quiet, every node reaches as far in every log as anybody does. What was trimmed everywhere need not be known
 * to a node that never had any of it.
 */
export function checkCaughtUp(nodes: readonly HeldCopies[]): Violation[] {
  const violations: Violation[] = []
  for (const [log, copies] of copiesByLog(nodes)) {
    if (copies.every(({ copy }) => copy.start === copy.end)) continue
    const longest = copies[0]!.copy.end
    const ends = new Map(copies.map(({ node, copy }) => [node, copy.end]))
    for (const { name } of nodes) {
      const end = ends.get(name) ?? 0
      if (end < longest) violations.push({ kind: 'copyBehind', node: name, log, end, longest })
    }
  }
  return violations
}

/** Every acknowledged record is on every live node, but for what that node has trimmed, and none is there twice. */
export function checkRecords(acknowledged: Iterable<string>, nodes: readonly NodeSnapshot[]): Violation[] {
  const wanted = [...acknowledged]
  return nodes.flatMap(({ name, copies, records }): Violation[] => {
    const starts = new Map(copies.map(({ log, start }) => [log, start]))
    const held = new Set<string>()
    const twice: Violation[] = []
    for (const record of records) {
      if (held.has(record) && twice.length === 0) twice.push({ kind: 'recordTwice', node: name, record })
      held.add(record)
    }
    const missing = wanted.filter((record) => !held.has(record) && !isTrimmed(record, starts))
    if (missing[0] === undefined) return twice
    return [...twice, { kind: 'recordsMissing', node: name, count: missing.length, first: missing[0] }]
  })
}

/** A record's id is that of its log, a slash and its offset. */
function isTrimmed(record: string, starts: ReadonlyMap<string, number>): boolean {
  const slash = record.lastIndexOf('/')
  return Number(record.slice(slash + 1)) < (starts.get(record.slice(0, slash)) ?? 0)
}

/** What a producer sent again, to the same host always, was stored once, unless it is excused. */
export function checkPlaces(
  nodes: readonly NodeSnapshot[],
  isExcused: (place: string) => boolean = () => false,
): Violation[] {
  return nodes.flatMap(({ name, places }): Violation[] => {
    const seen = new Set<string>()
    for (const place of places) {
      if (seen.has(place) && !isExcused(place)) return [{ kind: 'storedTwice', node: name, place }]
      seen.add(place)
    }
    return []
  })
}

/** Running replicators are the wanted ones, each once. */
export function checkReplicators(nodes: readonly NodeSnapshot[]): Violation[] {
  return nodes.flatMap(({ name, wanted, running }): Violation[] =>
    sameNames(wanted, running) ? [] : [{ kind: 'replicatorsDiffer', node: name, wanted, running }],
  )
}

/** Once all is quiet, every replicator says that it has got all that its peer had. */
export function checkLagging(nodes: readonly NodeSnapshot[]): Violation[] {
  return nodes.flatMap(({ name, lagging = [] }): Violation[] =>
    lagging.length === 0 ? [] : [{ kind: 'notCaughtUp', node: name, peers: lagging }],
  )
}

/** Once all is quiet, every node wants every other. */
export function checkPeers(nodes: readonly NodeSnapshot[]): Violation[] {
  return nodes.flatMap(({ name, wanted }): Violation[] => {
    const live = nodes.map((node) => node.name).filter((other) => other !== name)
    return sameNames(wanted, live) ? [] : [{ kind: 'peersUnknown', node: name, wanted, live }]
  })
}

/** After a graceful stop a process has nothing open. */
export function checkNothingOpen(node: string, resources: OpenResources | undefined): Violation[] {
  const open = Object.entries(resources ?? {}).flatMap(([kind, texts]) => texts.map((text) => `${kind} ${text}`))
  return open.length === 0 ? [] : [{ kind: 'stillOpen', node, open }]
}

/** Longest copy first. */
function copiesByLog(nodes: readonly HeldCopies[]): Map<string, { node: string; copy: CopySnapshot }[]> {
  const logs = new Map<string, { node: string; copy: CopySnapshot }[]>()
  for (const { name, copies } of nodes) {
    for (const copy of copies) {
      const others = logs.get(copy.log)
      if (others === undefined) logs.set(copy.log, [{ node: name, copy }])
      else others.push({ node: name, copy })
    }
  }
  for (const copies of logs.values()) copies.sort((one, other) => other.copy.end - one.copy.end)
  return logs
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  return [...some].sort().join('\n') === [...others].sort().join('\n')
}
