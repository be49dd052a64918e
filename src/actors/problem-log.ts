import type { Logger } from 'pino'
import type { Address, Clock } from '../env/env.ts'
import type { Problem } from '../gossip/effects.ts'
import { LogWindow } from './log-window.ts'

/** What goes wrong outside: counted always, logged at a rate that nobody outside can drive up. */
export class ProblemLog {
  readonly counts = new Map<Problem, number>()
  readonly #log: Logger
  readonly #window: LogWindow

  constructor(log: Logger, clock: Clock) {
    this.#log = log
    this.#window = new LogWindow(clock)
  }

  add(reason: Problem, detail: string, from?: Address): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1)
    this.log(reason, detail, from)
  }

  /** Only logs; somebody else counted. */
  log(reason: Problem, detail: string, from?: Address): void {
    const leftOut = (count: number) => this.#log.warn({ count }, 'more problems in gossip were not logged')
    if (!this.#window.admits(leftOut)) return
    // A late ack is everyday life.
    const level = reason === 'unasked' ? 'debug' : 'warn'
    this.#log[level](
      { reason, detail: detail.slice(0, 200), ...(from && { from: `${from.host}:${from.port}` }) },
      'gossip',
    )
  }
}
