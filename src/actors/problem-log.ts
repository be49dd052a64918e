import type { Logger } from 'pino'
import type { Address, Clock } from '../env/env.ts'
import type { Problem } from '../gossip/effects.ts'

const windowMs = 10_000
const linesPerWindow = 10

/** What goes wrong outside: counted always, logged at a rate that nobody outside can drive up. */
export class ProblemLog {
  readonly counts = new Map<Problem, number>()
  readonly #log: Logger
  readonly #clock: Clock
  #windowStartMs = 0
  #lines = 0

  constructor(log: Logger, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  add(reason: Problem, detail: string, from?: Address): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1)
    this.log(reason, detail, from)
  }

  /** Only logs; somebody else counted. */
  log(reason: Problem, detail: string, from?: Address): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#windowStartMs >= windowMs) {
      if (this.#lines > linesPerWindow) {
        this.#log.warn({ count: this.#lines - linesPerWindow }, 'more problems in gossip were not logged')
      }
      this.#windowStartMs = nowMs
      this.#lines = 0
    }
    this.#lines += 1
    if (this.#lines > linesPerWindow) return
    // A late ack is everyday life.
    const level = reason === 'unasked' ? 'debug' : 'warn'
    this.#log[level](
      { reason, detail: detail.slice(0, 200), ...(from && { from: `${from.host}:${from.port}` }) },
      'gossip',
    )
  }
}
