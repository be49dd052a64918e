import type { SerfMember } from '../actors/serf-member.ts'
import type { EventFact } from './events.ts'
import type { RecentLines } from './recent-lines.ts'

/** Sections of names and values, as `serf info` prints them. */
export type Stats = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Whom the commands of a port act on. */
export interface RpcAgent {
  readonly member: SerfMember
  readonly lines: RecentLines
  /** Tags that nobody may change from outside. */
  readonly ownTags: readonly string[]
  stats(): Stats
  /** Told of every event from now on. Returns what unsubscribes. */
  listen(listener: (fact: EventFact) => void): () => void
  /** After a leave that was asked for has been answered. */
  stop(): void
  /** Monotonic; the base of deadlines. */
  nowMs(): number
}
