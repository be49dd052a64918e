/** How far the settings of a topic may go, whoever gives them. */

export const segmentBytesMin = 64 * 1024
export const segmentBytesMax = 1024 ** 3
const recordBytesMin = 1
const recordBytesMax = 16 * 1024 * 1024
const countMax = Number.MAX_SAFE_INTEGER

/** By field of `TopicSettings`; for the three of retention 0, no limit, is allowed besides. */
export const settingBounds = {
  /** Retention is looked after about once a minute; less than a second is a mistake in the unit. */
  retentionMs: [1000, countMax],
  retentionBytes: [segmentBytesMin, countMax],
  retentionRecords: [1, countMax],
  segmentMaxBytes: [segmentBytesMin, segmentBytesMax],
  maxRecordBytes: [recordBytesMin, recordBytesMax],
} as const satisfies Record<string, readonly [number, number]>

export type SettingName = keyof typeof settingBounds
