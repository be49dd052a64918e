/** How the logs of a node are kept. Replicas need not agree on any of it; equal `segmentMaxBytes` make equal files. */
export interface LogSettings {
  /** `fsync`: visible and acknowledged once durable. `os`: once handed to the operating system; a power cut may take it. */
  readonly durability: 'fsync' | 'os'
  /** A segment file ends before the frame that would make it larger. */
  readonly segmentMaxBytes: number
  /** One index entry about every so many bytes of a segment. */
  readonly indexIntervalBytes: number
  /** What one write and sync carries at most (a single larger frame goes alone). */
  readonly groupMaxBytes: number
  /** Appends to this run's own logs that wait for their sync; more are refused with `OVERLOADED`. */
  readonly pendingMaxBytes: number
  /** Idle files are closed beyond this many. */
  readonly openFilesMax: number
}

export const defaultLogSettings: LogSettings = {
  durability: 'fsync',
  segmentMaxBytes: 64 * 1024 * 1024,
  indexIntervalBytes: 64 * 1024,
  groupMaxBytes: 4 * 1024 * 1024,
  pendingMaxBytes: 64 * 1024 * 1024,
  openFilesMax: 128,
}
