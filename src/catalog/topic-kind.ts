/**
 * Topics in the catalog: their settings, of which the later ones win, and the time of their last deletion, of which the
 * latest counts. A deletion ends settings that are older than it.
 */

import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type TopicEntry, TopicEntrySchema } from '../gen/reeve/v1/catalog_pb.ts'
import { type CatalogKind, compareBytes } from './kind.ts'

export type { TopicEntry } from '../gen/reeve/v1/catalog_pb.ts'

export const topicVersion = 1

export const topicKind: CatalogKind<TopicEntry> = {
  name: 'topic',
  decode(bytes) {
    try {
      const entry = fromBinary(TopicEntrySchema, bytes)
      return entry.version === topicVersion ? entry : undefined
    } catch {
      return undefined
    }
  },
  encode: (entry) => toBinary(TopicEntrySchema, entry),
  merge(one, other) {
    const later = clone(TopicEntrySchema, compareSettings(one, other) >= 0 ? one : other)
    later.deletedAt = one.deletedAt > other.deletedAt ? one.deletedAt : other.deletedAt
    return later
  },
}

export function topicKey(name: string): string {
  return `${topicKind.name}/${name}`
}

/** Hybrid time of the topic's last deletion, as its entry says; 0n: none. */
export function deletionIn(entry: Uint8Array | undefined): bigint {
  return (entry && topicKind.decode(entry)?.deletedAt) ?? 0n
}

export function emptyTopic(): TopicEntry {
  return create(TopicEntrySchema, { version: topicVersion })
}

/** Whether somebody made this topic, or gave it settings, after it was deleted last. */
export function isDeclared(entry: TopicEntry): boolean {
  return entry.settings !== undefined && entry.timestamp > entry.deletedAt
}

/** By hybrid time, then origin, then epoch; what else differs only has to be judged the same way everywhere. */
function compareSettings(one: TopicEntry, other: TopicEntry): number {
  if (one.timestamp !== other.timestamp) return one.timestamp > other.timestamp ? 1 : -1
  if (one.origin !== other.origin) return one.origin > other.origin ? 1 : -1
  return compareBytes(one.epoch, other.epoch) || compareBytes(settingsBytes(one), settingsBytes(other))
}

function settingsBytes(entry: TopicEntry): Uint8Array {
  const alone = clone(TopicEntrySchema, entry)
  alone.deletedAt = 0n
  return toBinary(TopicEntrySchema, alone)
}
