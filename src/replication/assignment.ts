/**
 * Who pulls what from whom. A live origin's log is pulled from that origin, for as long as it runs. Any other log (its
 * origin runs under a new epoch, or cannot be reached) is pulled from the one connected peer that holds most of it, and
 * only while that is more than we hold: healing costs one copy, not one a peer.
 */

import type { LogId } from '../log/log-id.ts'
import type { Directory, Holding, Source } from './directory.ts'

/** Peer name to the logs to pull from it, by log key. */
export type Assignment = ReadonlyMap<string, ReadonlyMap<string, LogId>>

export const nothingAssigned: Assignment = new Map()

export function assignLogs(options: {
  readonly directory: Directory
  /** Our own run: its logs are written here and pulled from nobody. */
  readonly epoch: string
  /** Our end of a log; 0 where we have nothing. */
  readonly endOf: (id: LogId) => number
  /** What was decided last; a copy under way is not moved without need. */
  readonly before: Assignment
}): Assignment {
  const { directory, epoch, endOf, before } = options
  const offers = new Map<string, { id: LogId; sources: Source[] }>()
  for (const source of directory.sources()) {
    for (const [key, { id }] of source.logs) {
      if (id.epoch === epoch || directory.isExcluded(source, key)) continue
      const offer = offers.get(key)
      if (offer) offer.sources.push(source)
      else offers.set(key, { id, sources: [source] })
    }
  }
  const decided = new Map<string, Map<string, LogId>>()
  for (const [key, { id, sources }] of offers) {
    const source = liveOrigin(id, sources) ?? fullestHolder(key, id, sources, endOf(id), before)
    if (!source) continue
    const logs = decided.get(source.name)
    if (logs) logs.set(key, id)
    else decided.set(source.name, new Map([[key, id]]))
  }
  return decided
}

function liveOrigin(id: LogId, sources: readonly Source[]): Source | undefined {
  return sources.find(({ name, epoch }) => name === id.origin && epoch === id.epoch)
}

function fullestHolder(
  key: string,
  id: LogId,
  sources: readonly Source[],
  ownEnd: number,
  before: Assignment,
): Source | undefined {
  const holding = (source: Source) => source.logs.get(key) as Holding
  // A source that no longer has what comes next for us cannot help, however far it reaches.
  const useful = sources.filter((source) => holding(source).end > ownEnd && holding(source).start <= ownEnd)
  const under = useful.find(({ name }) => before.get(name)?.has(key))
  if (under) return under
  const fullest = Math.max(...useful.map((source) => holding(source).end))
  const equals = useful.filter((source) => holding(source).end === fullest).sort(byName)
  // Its own writer first; otherwise spread the logs over the equals, the same way at every call.
  return equals.find(({ name }) => name === id.origin) ?? equals[spread(key) % equals.length]
}

const byName = (a: Source, b: Source) => (a.name < b.name ? -1 : 1)

/** FNV-1a, 32 bits. */
function spread(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** The same peers with the same logs? */
export function sameLogs(
  a: ReadonlyMap<string, LogId> | undefined,
  b: ReadonlyMap<string, LogId> | undefined,
): boolean {
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false
  for (const key of a?.keys() ?? []) if (!b?.has(key)) return false
  return true
}
