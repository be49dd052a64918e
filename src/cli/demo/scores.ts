/** Who holds how much, from what each node says of itself. Pure. */

import type { KnownServer } from '../../client/resolver.ts'
import type { LogBounds } from '../../client/servers.ts'

/** What one node answered. */
export interface View {
  readonly servers: readonly KnownServer[]
  readonly logs: readonly LogBounds[]
}

export interface Score {
  /** Records of each origin that it holds, by origin. */
  readonly held: ReadonlyMap<string, number>
  readonly total: number
  /** Records that some node holds and this one does not. */
  readonly behind: number
  readonly epoch: string | undefined
  readonly states: ReadonlyMap<string, KnownServer['status']>
}

export interface Scores {
  readonly byNode: ReadonlyMap<string, Score>
  /** Distinct records that anybody holds. */
  readonly records: number
  readonly equal: boolean
}

export const keyOf = (log: { origin: string; epoch: string }): string => `${log.origin}/${log.epoch}`

/** `views`: by node, of those that answered. */
export function scoresOf(views: ReadonlyMap<string, View>): Scores {
  const longest = endsOf([...views.values()].flatMap((view) => view.logs))
  const byNode = new Map([...views].map(([name, view]) => [name, scoreOf(name, view, longest)]))
  return {
    byNode,
    records: sum(longest.values()),
    equal: [...byNode.values()].every((score) => score.behind === 0),
  }
}

function scoreOf(name: string, view: View, longest: ReadonlyMap<string, number>): Score {
  const held = new Map<string, number>()
  for (const log of view.logs) held.set(log.origin, (held.get(log.origin) ?? 0) + log.end)
  return {
    held,
    total: sum(held.values()),
    behind: missing(view.logs, longest),
    epoch: view.servers.find((server) => server.name === name)?.epoch,
    states: new Map(view.servers.map((server) => [server.name, server.status])),
  }
}

/** The longest end of each log. */
export function endsOf(logs: readonly LogBounds[]): Map<string, number> {
  const ends = new Map<string, number>()
  for (const log of logs) ends.set(keyOf(log), Math.max(log.end, ends.get(keyOf(log)) ?? 0))
  return ends
}

/** How many records of `wanted` (ends by log) are not in `logs`. */
export function missing(logs: readonly LogBounds[], wanted: ReadonlyMap<string, number>): number {
  const ends = endsOf(logs)
  return sum([...wanted].map(([key, end]) => Math.max(0, end - (ends.get(key) ?? 0))))
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
