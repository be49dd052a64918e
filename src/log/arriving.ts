/** Frames that a peer sent for the end of a copy: judged before any of them is written. */

import { ReeveError } from '../errors.ts'
import { checkBatch } from './batch.ts'
import { frameBodyMaxBytes, frameHeaderBytes, frameVersion, storedProducer, storedTimestamp } from './frame.ts'
import { type MarkedFrame, markedFrame } from './marked-batches.ts'
import { type Place, scanFrames, sourceOfBytes } from './scan.ts'

/** Each node judges batches by its own limits when they are produced; a copy takes all that the format can hold. */
const copyLimits = { maxBytes: frameBodyMaxBytes, maxRecords: 0xffff_ffff, maxRecordBytes: frameBodyMaxBytes }

/** A batch whose producer said who it is. */
export interface ArrivingMark {
  readonly mark: MarkedFrame
  /** Within the frames that were given. */
  readonly body: Uint8Array
}

export interface Arriving {
  /** Of the last frame. */
  readonly timestamp: bigint
  readonly marked: readonly ArrivingMark[]
  /** From this byte on there is what a later version wrote; all before it may be appended. */
  readonly newer?: { readonly position: number; readonly error: ReeveError }
}

/** Throws `LOG_DIVERGED`, `DATA_CORRUPT` or `FORMAT_NEWER` where nothing of it may be appended at `tail`. */
export function checkArriving(key: string, frames: Uint8Array, tail: Place): Arriving {
  const scan = scanFrames(sourceOfBytes(frames), tail)
  let timestamp = 0n
  const marked: ArrivingMark[] = []
  for (let step = scan.next(); ; step = scan.next()) {
    if (step.done) {
      const { fault, offset, position } = step.value
      if (fault === 'chain') throw diverged(key, offset)
      if (fault && fault !== 'newer') throw corruptFrames(key, position, fault)
      if (!fault) return { timestamp, marked }
      const error = newerFrame(key, offset)
      if (position === 0) throw error
      return { timestamp, marked, newer: { position, error } }
    }
    const { frame, position, baseOffset, recordCount } = step.value
    timestamp = storedTimestamp(frame)
    const mark = storedProducer(frame)
    const body = frame.subarray(frameHeaderBytes)
    if (mark) marked.push({ mark: markedFrame(mark, { baseOffset, recordCount, timestamp }), body })
    if (countRecords(body) !== recordCount) throw corruptFrames(key, position, 'body')
  }
}

export function diverged(key: string, offset: number): ReeveError {
  return new ReeveError('LOG_DIVERGED', `${key}: the frame at ${offset} is not the one that belongs there`, {
    facts: { log: key, offset: String(offset) },
  })
}

export function corruptFrames(key: string, position: number, fault: string): ReeveError {
  return new ReeveError('DATA_CORRUPT', `frames for ${key} are not good at byte ${position}: ${fault}`)
}

function newerFrame(key: string, offset: number): ReeveError {
  const message = `the frame of ${key} at ${offset} is of a later version; this one knows frames up to ${frameVersion}`
  return new ReeveError('FORMAT_NEWER', message, { facts: { log: key, offset: String(offset) } })
}

/** Undefined where it is no batch at all. */
function countRecords(body: Uint8Array): number | undefined {
  try {
    return checkBatch(body, copyLimits)
  } catch {
    return undefined
  }
}
