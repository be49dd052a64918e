/** Pauses between attempts that get nowhere, and when to stop trying. */

import type { Clock } from '../env/env.ts'
import type { ReeveError } from '../errors.ts'

const firstPauseMs = 100
/** A server that is back should be found soon: who waits for it can do nothing else. */
const longestPauseMs = 1_000

export interface Patience {
  /** Waits before the next attempt: not at all the first time, then longer each time. Throws `error` when it is over. */
  wait(error: ReeveError): Promise<void>
  /** Something worked: all is forgiven. */
  restore(): void
}

export function createPatience(clock: Clock, timeoutMs: number): Patience {
  let sinceMs: number | undefined
  let pauseMs = 0
  return {
    wait: async (error) => {
      sinceMs ??= clock.monotonicMs()
      const leftMs = sinceMs + timeoutMs - clock.monotonicMs()
      if (leftMs <= 0) throw error
      // The last attempt is at the very end.
      const waitMs = Math.min(pauseMs, leftMs)
      if (waitMs > 0) await new Promise<void>((resolve) => clock.setTimeout(resolve, waitMs))
      pauseMs = Math.min(Math.max(2 * pauseMs, firstPauseMs), longestPauseMs)
    },
    restore: () => {
      sinceMs = undefined
      pauseMs = 0
    },
  }
}
