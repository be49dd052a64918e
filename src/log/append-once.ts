/**
 * Appends of producers that may repeat themselves: a batch that this node has, or is about to have, is not appended
 * again but answered with what its first time came to.
 */

import { ReeveError } from '../errors.ts'
import { framesIn } from './frame.ts'
import type { Appended, LogView } from './journal.ts'
import type { Log } from './log.ts'
import type { LogId } from './log-id.ts'
import { whenDurable } from './placed.ts'
import { type Claim, conflict, type Producers, producerKey, type StoredBatch, type WaitingBatch } from './producers.ts'

/** `view` gives a log of this node; undefined: it is not here any more. Rejects as `Journal.append`. */
export function appendOnce(
  producers: Producers,
  view: (id: LogId) => LogView | undefined,
  order: { log: Log; body: Uint8Array; recordCount: number; claim: Claim },
): Promise<Appended> {
  const { log, body, recordCount, claim } = order
  const { topic } = log.id
  const producer = producerKey(claim.id)
  const again = producers.judge(topic, producer, claim, recordCount)
  if (again.length > 0) {
    const first = firstOf(again, body, view)
    if (first === 'other') throw conflict(claim.sequence, recordCount)
    if (first !== 'gone') return first
    // Its log was deleted: there is nothing left that it could repeat.
    producers.forget(topic, producer)
  }
  const done = whenDurable(log.append(body, recordCount, claim)).then(
    (appended) => {
      producers.appended(producer, batch, appended)
      return appended
    },
    (error) => {
      producers.waited(topic, producer, batch)
      throw error
    },
  )
  const batch: WaitingBatch = { sequence: claim.sequence, recordCount, body, done }
  producers.appending(topic, producer, batch)
  return done
}

/** What the first one with this content came to, one of this run before others: its copies are known best. */
function firstOf(
  batches: readonly (StoredBatch | WaitingBatch)[],
  body: Uint8Array,
  view: (id: LogId) => LogView | undefined,
): Promise<Appended> | 'other' | 'gone' {
  let found: StoredBatch | undefined
  let gone = true
  for (const batch of batches) {
    if ('done' in batch) {
      // On its way to a copy; what lies here already says the same.
      if (found) continue
      if (!equal(batch.body, body)) return 'other'
      return batch.done.then((appended) => ({ ...appended, duplicate: true }))
    }
    const log = view(batch.log)
    if (!log) continue
    gone = false
    if ((found === undefined || log.own) && holds(log, batch.baseOffset, body)) found = batch
  }
  if (!found) return gone ? 'gone' : 'other'
  const { log, baseOffset, recordCount, timestamp } = found
  const endOffset = baseOffset + recordCount
  return Promise.resolve({ log, baseOffset, recordCount, endOffset, timestamp, duplicate: true })
}

/** Of what is trimmed nobody can say any more; it was this batch by all that is known. */
function holds(log: LogView, offset: number, body: Uint8Array): boolean {
  try {
    const [frame] = framesIn(log.read(offset, 1))
    return frame !== undefined && frame.baseOffset === offset && equal(frame.body, body)
  } catch (error) {
    if (error instanceof ReeveError && error.code === 'OFFSET_TRIMMED') return true
    throw error
  }
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}
