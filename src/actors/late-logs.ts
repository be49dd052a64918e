/**
 * Logs of which a peer no longer has what would come next here: the copy has to begin anew where the peer begins, with a
 * hole before it. Not at once: another peer, which is just being connected, may have it all.
 */

import type { Clock, Timer } from '../env/env.ts'
import { isInternalTopic, type LogId, logKey } from '../log/log-id.ts'

/** So long somebody else may turn up. */
const graceMs = 5000

export class LateLogs {
  readonly #clock: Clock
  readonly #due: (id: LogId) => void
  /** By log key. */
  readonly #timers = new Map<string, Timer>()

  /** `due` is called once its time is over, unless it was dropped. */
  constructor(clock: Clock, due: (id: LogId) => void) {
    this.#clock = clock
    this.#due = due
  }

  wait(id: LogId): void {
    const key = logKey(id)
    if (this.#timers.has(key)) return
    // The nodes' own topics: what was trimmed of them is said again behind it.
    const delayMs = isInternalTopic(id.topic) ? 0 : graceMs
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(key)
      this.#due(id)
    }, delayMs)
    this.#timers.set(key, timer)
  }

  drop(key: string): void {
    this.#clock.clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
  }

  close(): void {
    for (const key of [...this.#timers.keys()]) this.drop(key)
  }
}
