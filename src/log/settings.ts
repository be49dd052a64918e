/** How the logs of a node are kept. Replicas need not agree on any of it; equal `segmentMaxBytes` make equal files. */
export interface LogSettings {
  /** `fsync`: visible and acknowledged once durable. `os`: once handed to the operating system; a power cut may take it. */
  readonly durability: 'fsync' | 'os'
  /** A segment file ends before the frame that would make it larger. */
  readonly segmentMaxBytes: number
  /** Whether records may go of topics that have no rules of their own. */
  readonly expires: boolean
  /** One index entry about every so many bytes of a segment. */
  readonly indexIntervalBytes: number
  /** What one write carries at most (a single larger frame goes alone); a sync covers all that was written before it. */
  readonly groupMaxBytes: number
  /** Appends to this run's own logs that wait for their sync; more are refused with `OVERLOADED`. */
  readonly pendingMaxBytes: number
  /** Idle files are closed beyond this many. */
  readonly openFilesMax: number
}

/** What differs from topic to topic; may change while its logs are open. */
export interface TopicRules {
  /** In place of `LogSettings.segmentMaxBytes`; counts from the next segment on. */
  readonly segmentMaxBytes: number
  /** Hybrid time of the topic's last deletion: frames that are not later are no longer to be had. 0n: never deleted. */
  readonly deletedAt: bigint
  /** Whether records of it may go, by its retention or by a deletion. */
  readonly expires: boolean
}

export const defaultLogSettings: LogSettings = {
  durability: 'fsync',
  segmentMaxBytes: 64 * 1024 * 1024,
  expires: false,
  indexIntervalBytes: 64 * 1024,
  groupMaxBytes: 1024 * 1024,
  pendingMaxBytes: 64 * 1024 * 1024,
  openFilesMax: 60,
}
