/** How far a reading is in one log. */

import { ReeveError } from '../errors.ts'
import type { LogView } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import type { Memory } from '../log/memory.ts'
import { fetchBytes } from '../log/segment.ts'
import type { DeliveryOrigin } from './delivery.ts'

export interface Track {
  readonly id: LogId
  readonly key: string
  readonly from: DeliveryOrigin
  /** The next offset to read. */
  offset: number
  /** Undefined while this node does not hold it. */
  log: LogView | undefined
  /** It has something to read. */
  ready: boolean
  /** Of the frame that was read last: the next one is likely not larger, and a read that holds it as a whole is not done twice. */
  frameBytes: number
  /** Bytes that were fetched from a slow device and can be read at once. */
  fetchedBytes: number
}

/** Whole verified frames from where the track stands. Throws with the log and the offset in the facts. */
export function readTrack(track: Track, maxBytes: number, memory?: Memory): Uint8Array {
  try {
    track.fetchedBytes -= maxBytes
    return track.log ? track.log.read(track.offset, maxBytes, memory) : nothing
  } catch (error) {
    throw located(error, track)
  }
}

/** Undefined: what comes next can be read at once. */
export function fetchTrack(track: Track): Promise<void> | undefined {
  if (track.fetchedBytes > 0) return undefined
  return track.log?.fetch(track.offset)?.then(() => {
    track.fetchedBytes = fetchBytes
  })
}

const nothing = new Uint8Array(0)

export function located(error: unknown, track: Track): ReeveError {
  if (!(error instanceof ReeveError)) return new ReeveError('INTERNAL', 'a log could not be read', { cause: error })
  const { topic, origin, epoch } = track.id
  return new ReeveError(error.code, error.message, {
    facts: { ...error.facts, topic, origin, epoch, offset: String(track.offset) },
    cause: error,
  })
}
