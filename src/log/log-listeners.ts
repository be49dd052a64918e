import { toReeveError } from '../errors.ts'
import type { JournalEvent } from './journal-event.ts'
import type { LogView } from './log-view.ts'

/** Who is told of one kind of change to the logs of a journal. One that throws is reported, and keeps it from nobody. */
export class LogListeners {
  readonly #listeners = new Set<(log: LogView) => void>()
  readonly #report: (event: JournalEvent) => void

  constructor(report: (event: JournalEvent) => void) {
    this.#report = report
  }

  /** Returns what unsubscribes. */
  add(listener: (log: LogView) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  tell(log: LogView): void {
    for (const listener of this.#listeners) {
      try {
        listener(log)
      } catch (error) {
        this.#report({ kind: 'listenerFailed', log: log.key, message: toReeveError(error).message })
      }
    }
  }
}
