import type { Clock } from '../env/env.ts'
import { type ErrorCode, toReeveError } from '../errors.ts'

export interface AppendTally {
  durable(ms: number): void
  failed(code: ErrorCode): void
}

/**
 * To be told of every promise of being durable as soon as somebody waits for it. One that is shared is timed once: from
 * the first who came.
 */
export function timedAppends(clock: Clock, tally: AppendTally): (durable: Promise<unknown>) => void {
  // Those that are not settled yet: once one is, nobody waits for it anew.
  const timed = new Set<Promise<unknown>>()
  return (durable) => {
    if (timed.has(durable)) return
    timed.add(durable)
    const beganMs = clock.monotonicMs()
    durable.then(
      () => {
        timed.delete(durable)
        tally.durable(clock.monotonicMs() - beganMs)
      },
      (error) => {
        timed.delete(durable)
        tally.failed(toReeveError(error).code)
      },
    )
  }
}
