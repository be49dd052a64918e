/** Pauses between attempts that get nowhere, and when to stop trying. */

import type { Clock } from '../env/env.ts'
import type { ReeveError } from '../errors.ts'

const firstPauseMs = 100
const longestPauseMs = 2_000

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
      if (clock.monotonicMs() + pauseMs - sinceMs >= timeoutMs) throw error
      if (pauseMs > 0) await new Promise<void>((resolve) => clock.setTimeout(resolve, pauseMs))
      pauseMs = Math.min(Math.max(2 * pauseMs, firstPauseMs), longestPauseMs)
    },
    restore: () => {
      sinceMs = undefined
      pauseMs = 0
    },
  }
}
