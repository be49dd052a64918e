/** Where a batch lies in its log. */

import type { LogId } from './log-id.ts'
import type { Appended } from './log-view.ts'
import type { GatheringFrame } from './write-group.ts'

/** Where a batch will be once it is durable; before, all of it may still come to nothing. */
export interface Placed extends Appended {
  /** Known, and not before, once it is durable. */
  readonly timestamp: bigint
  /** Resolves once it is durable and visible, else rejects as `append`. */
  readonly durable: Promise<void>
}

/** Rejects as `Placed.durable`. */
export async function whenDurable(placed: Placed): Promise<Appended> {
  await placed.durable
  const { log, baseOffset, recordCount, endOffset, timestamp } = placed
  return { log, baseOffset, recordCount, endOffset, timestamp }
}

export class PlacedBatch implements Placed {
  readonly log: LogId
  readonly baseOffset: number
  readonly recordCount: number
  readonly #frame: GatheringFrame

  constructor(log: LogId, baseOffset: number, recordCount: number, frame: GatheringFrame) {
    this.log = log
    this.baseOffset = baseOffset
    this.recordCount = recordCount
    this.#frame = frame
  }

  get endOffset(): number {
    return this.baseOffset + this.recordCount
  }

  get timestamp(): bigint {
    return this.#frame.timestamp
  }

  get durable(): Promise<void> {
    return this.#frame.group.durable
  }
}
