/** What a node says about its members and topics, as values of the client. */

import { create } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { TopicSettingsSchema, type TopicSettings as WireSettings } from '../gen/reeve/v1/catalog_pb.ts'
import { ServerStatus, type Server as WireServer, type Topic as WireTopic } from '../gen/reeve/v1/log_service_pb.ts'
import { epochFromBytes } from '../log/log-id.ts'
import { timestampToMs } from './record.ts'
import type { KnownServer, ServerState } from './resolver.ts'

export interface LogBounds {
  readonly origin: string
  readonly epoch: string
  /** First offset that is still there, and the one after the last. */
  readonly start: number
  readonly end: number
  readonly bytes: number
  /** When its first record that is still there, and its last one, were written; undefined: there is none. */
  readonly oldestMs?: number | undefined
  readonly newestMs?: number | undefined
}

/** What is absent is as each node's own configuration says. */
export interface TopicSettings {
  /** Records older than this many milliseconds may go; 0: never for their age. */
  readonly retentionMs?: number
  /** On each node the topic keeps about this many bytes, its newest; 0: no limit. */
  readonly retentionBytes?: number
  /** On each node the topic keeps about this many records, its newest; 0: no limit. */
  readonly retentionRecords?: number
  /** A log goes on in a new file after this many bytes. */
  readonly segmentMaxBytes?: number
  /** Largest record accepted. */
  readonly maxRecordBytes?: number
}

export interface TopicInfo {
  readonly name: string
  readonly logs: readonly LogBounds[]
  /** As they were given; undefined where nobody gave any. */
  readonly settings: TopicSettings | undefined
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
      oldestMs: msOf(log.oldestTimestamp),
      newestMs: msOf(log.newestTimestamp),
    })),
    settings: topic.settings && settingsFromWire(topic.settings),
  }))
}

export function settingsFromWire(settings: WireSettings): TopicSettings {
  const { retentionMs, retentionBytes, retentionRecords, segmentMaxBytes, maxRecordBytes } = settings
  return {
    ...(retentionMs !== undefined && { retentionMs: Number(retentionMs) }),
    ...(retentionBytes !== undefined && { retentionBytes: Number(retentionBytes) }),
    ...(retentionRecords !== undefined && { retentionRecords: Number(retentionRecords) }),
    ...(segmentMaxBytes !== undefined && { segmentMaxBytes: Number(segmentMaxBytes) }),
    ...(maxRecordBytes !== undefined && { maxRecordBytes }),
  }
}

/** Throws `TOPIC_SETTINGS_INVALID` for what is no whole number; bounds are for the server to say. */
export function settingsToWire(settings: TopicSettings): WireSettings {
  for (const [name, value] of Object.entries(settings)) {
    if (!settingNames.has(name)) throw new ReeveError('TOPIC_SETTINGS_INVALID', `there is no setting ${name}`)
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) continue
    throw new ReeveError('TOPIC_SETTINGS_INVALID', `${name} must be a whole number, not ${value}`)
  }
  const { retentionMs, retentionBytes, retentionRecords, segmentMaxBytes, maxRecordBytes } = settings
  if ((maxRecordBytes ?? 0) > 0xffff_ffff) {
    throw new ReeveError('TOPIC_SETTINGS_INVALID', `maxRecordBytes must be less than 4 GiB, not ${maxRecordBytes}`)
  }
  return create(TopicSettingsSchema, {
    ...(retentionMs !== undefined && { retentionMs: BigInt(retentionMs) }),
    ...(retentionBytes !== undefined && { retentionBytes: BigInt(retentionBytes) }),
    ...(retentionRecords !== undefined && { retentionRecords: BigInt(retentionRecords) }),
    ...(segmentMaxBytes !== undefined && { segmentMaxBytes: BigInt(segmentMaxBytes) }),
    ...(maxRecordBytes !== undefined && { maxRecordBytes }),
  })
}

const settingNames: ReadonlySet<string> = new Set(TopicSettingsSchema.fields.map(({ localName }) => localName))

function msOf(timestamp: bigint): number | undefined {
  return timestamp === 0n ? undefined : timestampToMs(timestamp)
}

/** 16 bytes as the text of a UUID, or `INTERNAL`. */
export function epochText(bytes: Uint8Array): string {
  const epoch = epochFromBytes(bytes)
  if (!epoch.ok) throw new ReeveError('INTERNAL', `the server sent something malformed: ${epoch.problem}`)
  return epoch.value
}
