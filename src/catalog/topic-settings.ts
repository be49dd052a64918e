/** What may be set for a topic, within which bounds, and what is in force where nothing is set. Pure. */

import { create } from '@bufbuild/protobuf'
import { ReeveError } from '../errors.ts'
import { type TopicSettings, TopicSettingsSchema } from '../gen/reeve/v1/catalog_pb.ts'
import type { RetentionLimits } from '../log/retention.ts'
import { type SettingName, segmentBytesMax, settingBounds } from './setting-bounds.ts'

export type { TopicSettings } from '../gen/reeve/v1/catalog_pb.ts'

/** In force on one node. `deletedAt` of the retention is the topic's last deletion. */
export interface TopicPolicy {
  readonly retention: RetentionLimits
  readonly segmentMaxBytes: number
  readonly maxRecordBytes: number
}

/** What a node's configuration says of topics that say nothing themselves. */
export interface TopicDefaults {
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly retentionRecords: number
  readonly segmentMaxBytes: number
  /** Also the most that any topic can be given here: a record must fit in a batch. */
  readonly maxRecordBytes: number
}

/** Throws `TOPIC_SETTINGS_INVALID` with the setting, what was given and the bound. */
export function checkTopicSettings(settings: TopicSettings): void {
  for (const [name, [min, max]] of Object.entries(settingBounds) as [SettingName, readonly [number, number]][]) {
    const value = settings[name]
    if (value === undefined) continue
    const mayBeNone = name.startsWith('retention')
    if (mayBeNone && Number(value) === 0) continue
    if (value >= min && value <= max) continue
    throw new ReeveError(
      'TOPIC_SETTINGS_INVALID',
      `${name} must be ${mayBeNone ? '0 (no limit) or ' : ''}${min} to ${max}, not ${value}`,
      { facts: { setting: name, value: String(value), min: String(min), max: String(max) } },
    )
  }
}

export function policyOf(settings: TopicSettings | undefined, deletedAt: bigint, defaults: TopicDefaults): TopicPolicy {
  const { retentionMs, retentionBytes, retentionRecords, segmentMaxBytes, maxRecordBytes } = settings ?? nothingSet
  const number = (value: bigint | undefined, otherwise: number) => (value === undefined ? otherwise : Number(value))
  return {
    retention: {
      maxAgeMs: number(retentionMs, defaults.retentionMs),
      maxBytes: number(retentionBytes, defaults.retentionBytes),
      maxRecords: number(retentionRecords, defaults.retentionRecords),
      deletedAt,
    },
    // Values of another version of Reeve may be beyond our bounds.
    segmentMaxBytes: Math.min(number(segmentMaxBytes, defaults.segmentMaxBytes), segmentBytesMax),
    maxRecordBytes: Math.min(maxRecordBytes ?? defaults.maxRecordBytes, defaults.maxRecordBytes),
  }
}

/** Whether anything of a topic may go under this policy. */
export function expires({ retention }: TopicPolicy): boolean {
  const { maxAgeMs, maxBytes, maxRecords, deletedAt } = retention
  return maxAgeMs > 0 || maxBytes > 0 || maxRecords > 0 || deletedAt > 0n
}

const nothingSet = create(TopicSettingsSchema)
