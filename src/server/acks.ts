import type { Clock } from '../env/env.ts'
import type { LogId } from '../log/log-id.ts'
import { logKey } from '../log/log-id.ts'
import type { Copies } from '../replication/copies.ts'

/** Waiting for copies, with a limit in time. */
export interface Acks {
  /**
   * Resolves with the number of nodes that have every record below `endOffset`: as soon as it is at least `copies`, and
   * after `timeoutMs` with what it is then. Never rejects.
   */
  waitFor(log: LogId, endOffset: number, copies: number, timeoutMs: number): Promise<number>
}

export function createAcks(copies: Copies, clock: Clock): Acks {
  return {
    waitFor(log, endOffset, wanted, timeoutMs) {
      const key = logKey(log)
      const now = copies.count(key, endOffset)
      if (now >= wanted) return Promise.resolve(now)
      return new Promise((resolve) => {
        const cancel = copies.when(key, endOffset, wanted, (count) => {
          clock.clearTimeout(timer)
          resolve(count)
        })
        const timer = clock.setTimeout(() => {
          cancel()
          resolve(copies.count(key, endOffset))
        }, timeoutMs)
      })
    },
  }
}
