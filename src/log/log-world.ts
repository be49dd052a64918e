/** What a log's writing end knows of the world and of its log. */

import type { Disk } from '../env/env.ts'
import type { JournalEvent } from './journal-event.ts'
import type { OpenFiles } from './open-files.ts'
import type { Segment } from './segment.ts'
import type { LogSettings, TopicRules } from './settings.ts'
import type { Soundness } from './soundness.ts'
import type { WriteBuffers } from './write-buffers.ts'

export interface Pending {
  bytes: number
  readonly maxBytes: number
}

/** What all logs of a journal share. */
export interface LogWorld {
  readonly disk: Disk
  readonly files: OpenFiles
  readonly buffers: WriteBuffers
  readonly settings: LogSettings
  readonly report: (event: JournalEvent) => void
  /** Bytes of this run's own logs that wait for their commit. */
  readonly pending: Pending
  readonly soundness: Soundness
}

/** A log, as far as its end is concerned. */
export interface LogEnd {
  readonly key: string
  readonly folder: string
  /** The log's own list; a segment joins it with its first commit. */
  readonly segments: Segment[]
  /** The chain before the log's first frame. */
  readonly firstChain: bigint
  /** Its rules may change at any time. */
  readonly topic: { readonly rules: TopicRules }
  readonly makeFolder: () => void
  readonly committed: () => void
  /** Undefined for a copy: what a peer may have waiting is bounded at its stream. */
  readonly pending: Pending | undefined
  /** Of a frame that this run made; asked when the frame takes no more. */
  readonly timestamp: () => bigint
}
