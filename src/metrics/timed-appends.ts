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
  const timed = new WeakSet<Promise<unknown>>()
  return (durable) => {
    if (timed.has(durable)) return
    timed.add(durable)
    const beganMs = clock.monotonicMs()
    durable.then(
      () => tally.durable(clock.monotonicMs() - beganMs),
      (error) => tally.failed(toReeveError(error).code),
    )
  }
}
