import type { Clock } from '../env/env.ts'
import { type ErrorCode, toReeveError } from '../errors.ts'
import type { Journal } from '../log/journal.ts'

export type Appends = Pick<Journal, 'append' | 'place'>

export interface AppendTally {
  taken(bytes: number): void
  durable(ms: number): void
  failed(code: ErrorCode): void
}

/** The same appends. Those that share a promise of being durable cost a comparison and an addition each. */
export function timedAppends(journal: Appends, clock: Clock, tally: AppendTally): Appends {
  const timed = new WeakSet<Promise<void>>()
  let last: Promise<void> | undefined

  function time(promise: Promise<unknown>): void {
    const beganMs = clock.monotonicMs()
    promise.then(
      () => tally.durable(clock.monotonicMs() - beganMs),
      (error) => tally.failed(toReeveError(error).code),
    )
  }

  return {
    append(topic, batch, recordCount, claim) {
      const appended = journal.append(topic, batch, recordCount, claim)
      tally.taken(batch.length)
      time(appended)
      return appended
    },
    place(topic, batch, recordCount) {
      const placed = journal.place(topic, batch, recordCount)
      tally.taken(batch.length)
      const { durable } = placed
      if (durable !== last) {
        last = durable
        // Of several topics, several are under way in turn.
        if (!timed.has(durable)) {
          timed.add(durable)
          time(durable)
        }
      }
      return placed
    },
  }
}
