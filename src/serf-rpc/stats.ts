import type { GossipStats } from '../gossip/core.ts'
import type { Member } from '../gossip/member.ts'
import type { Stats } from './agent.ts'

/** What `serf info` shows; `runtime`: facts of the process. */
export function statsOf(
  name: string,
  members: readonly Member[],
  stats: GossipStats,
  encrypted: boolean,
  runtime: ReadonlyMap<string, string>,
): Stats {
  const count = (...statuses: string[]) => members.filter(({ status }) => statuses.includes(status)).length
  const { queued } = stats
  const serf = {
    members: members.length,
    failed: count('failed'),
    left: count('left'),
    health_score: stats.health,
    member_time: stats.memberTime,
    event_time: stats.eventTime,
    query_time: stats.queryTime,
    intent_queue: queued.intents,
    event_queue: queued.events,
    query_queue: queued.queries,
    encrypted,
    coordinate_resets: stats.coordinateResets,
  }
  const tags = members.find((member) => member.name === name)?.tags ?? new Map<string, string>()
  return new Map<string, ReadonlyMap<string, string>>([
    ['agent', new Map([['name', name]])],
    ['runtime', runtime],
    ['serf', new Map(Object.entries(serf).map(([key, value]) => [key, String(value)]))],
    ['tags', tags],
    ['event_handlers', new Map()],
  ])
}
