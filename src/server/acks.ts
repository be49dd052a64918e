import type { Clock } from '../env/env.ts'
import type { LogId } from '../log/log-id.ts'
import { logKey } from '../log/log-id.ts'
import type { Copies } from '../replication/copies.ts'

/** What waits for copies on behalf of one call: each entry ends one wait. */
export type Waits = Set<() => void>

/** Waiting for copies, with a limit in time. */
export interface Acks {
  /**
   * Resolves with the number of nodes that have every record below `endOffset`: as soon as it is at least `copies`, and
   * with what it is then after `timeoutMs` or when its entry in `waits` is called. Never rejects.
   */
  waitFor(log: LogId, endOffset: number, copies: number, timeoutMs: number, waits: Waits): Promise<number>
}

export function createAcks(copies: Copies, clock: Clock): Acks {
  return {
    waitFor(log, endOffset, wanted, timeoutMs, waits) {
      const key = logKey(log)
      const now = copies.count(key, endOffset)
      if (now >= wanted) return Promise.resolve(now)
      return new Promise((resolve) => {
        const settle = (count: number) => {
          clock.clearTimeout(timer)
          waits.delete(giveUp)
          resolve(count)
        }
        const cancel = copies.when(key, endOffset, wanted, settle)
        const giveUp = () => {
          cancel()
          settle(copies.count(key, endOffset))
        }
        const timer = clock.setTimeout(giveUp, timeoutMs)
        waits.add(giveUp)
      })
    },
  }
}

/** The call is over: nobody is left to be answered. */
export function endWaits(waits: Waits): void {
  for (const giveUp of [...waits]) giveUp()
}
