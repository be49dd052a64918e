import type { Clock } from '../env/env.ts'
import type { LogId } from '../log/log-id.ts'
import { logKey } from '../log/log-id.ts'
import type { Copies } from '../replication/copies.ts'

/** What waits for copies on behalf of one call. */
export class Waits {
  /** The call is over: nobody is left to be answered, also by what only begins to wait. */
  over = false
  readonly #open = new Set<() => void>()

  /** Returns what forgets it again. */
  add(giveUp: () => void): () => void {
    this.#open.add(giveUp)
    return () => this.#open.delete(giveUp)
  }

  end(): void {
    this.over = true
    for (const giveUp of [...this.#open]) giveUp()
  }
}

/** Waiting for copies, with a limit in time. */
export interface Acks {
  /**
   * Resolves with the number of nodes that have every record below `endOffset`: as soon as it is at least `copies`, and
   * with what it is then after `timeoutMs` or once `waits` has ended. Never rejects. Of a log of this run
   * those count that acknowledged it; of another, which this node has a copy of, those that copied it from here, and its
   * writer where that still runs: others may have it, but nobody told.
   */
  waitFor(log: LogId, endOffset: number, copies: number, timeoutMs: number, waits: Waits): Promise<number>
}

export interface AcksOptions {
  readonly copies: Copies
  /** Whether the run that wrote it is connected: it has all that we have of it. */
  readonly isLive: (log: LogId) => boolean
  readonly clock: Clock
}

export function createAcks({ copies, isLive, clock }: AcksOptions): Acks {
  return {
    waitFor(log, endOffset, wanted, timeoutMs, waits) {
      const key = logKey(log)
      const writer = isLive(log) ? 1 : 0
      const count = () => copies.count(key, endOffset) + writer
      const now = count()
      if (now >= wanted || waits.over) return Promise.resolve(now)
      return new Promise((resolve) => {
        const settle = (reached: number) => {
          clock.clearTimeout(timer)
          forget()
          resolve(reached)
        }
        const cancel = copies.when(key, endOffset, wanted - writer, (noted) => settle(noted + writer))
        const giveUp = () => {
          cancel()
          settle(count())
        }
        const timer = clock.setTimeout(giveUp, timeoutMs)
        const forget = waits.add(giveUp)
      })
    },
  }
}
