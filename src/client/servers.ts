/** What a node says about its members and topics, as values of the client. */

import { ReeveError } from '../errors.ts'
import { ServerStatus, type Server as WireServer, type Topic as WireTopic } from '../gen/reeve/v1/log_service_pb.ts'
import { epochFromBytes } from '../log/log-id.ts'
import type { KnownServer, ServerState } from './resolver.ts'

export interface LogBounds {
  readonly origin: string
  readonly epoch: string
  /** First offset that is still there, and the one after the last. */
  readonly start: number
  readonly end: number
  readonly bytes: number
}

export interface TopicInfo {
  readonly name: string
  readonly logs: readonly LogBounds[]
}

const states = new Map<ServerStatus, ServerState>([
  [ServerStatus.ALIVE, 'alive'],
  [ServerStatus.LEAVING, 'leaving'],
  [ServerStatus.LEFT, 'left'],
  [ServerStatus.FAILED, 'failed'],
])

export function serversFromWire(servers: readonly WireServer[]): KnownServer[] {
  return servers.map((server) => ({
    name: server.name,
    rpcAddress: server.rpcAddress === '' ? undefined : server.rpcAddress,
    gossipAddress: server.gossipAddress,
    status: states.get(server.status) ?? 'failed',
    tags: new Map(Object.entries(server.tags)),
    epoch: server.epoch.length === 16 ? epochText(server.epoch) : undefined,
    self: server.self,
    replicator: server.replicator,
    rttMs: server.rttMs,
  }))
}

export function topicsFromWire(topics: readonly WireTopic[]): TopicInfo[] {
  return topics.map((topic) => ({
    name: topic.name,
    logs: topic.logs.map((log) => ({
      origin: log.origin,
      epoch: epochText(log.epoch),
      start: Number(log.start),
      end: Number(log.end),
      bytes: Number(log.bytes),
    })),
  }))
}

/** 16 bytes as the text of a UUID, or `INTERNAL`. */
export function epochText(bytes: Uint8Array): string {
  const epoch = epochFromBytes(bytes)
  if (!epoch.ok) throw new ReeveError('INTERNAL', `the server sent something malformed: ${epoch.problem}`)
  return epoch.value
}
