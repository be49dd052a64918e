/** What somebody should look at, and since when. Owns the memory of it; others say what is so now. */

import type { JournalEvent } from '../log/journal-event.ts'
import type { Alarm } from './facts.ts'
import { redactText } from './redact.ts'

export type Finding = Omit<Alarm, 'sinceMs'>

/** Of each kind; more of the same says no more. */
const alarmsMax = 20

export class Alarms {
  /** By log key: what its disk refuses. */
  readonly #disk = new Map<string, Finding>()
  /** By kind and about what. */
  #since = new Map<string, number>()

  journal(event: JournalEvent): void {
    const { kind } = event
    if (kind === 'full' || kind === 'unwritable' || kind === 'failed') {
      const text = redactText(`${event.log}: ${event.message}`)
      this.#disk.set(event.log, { what: 'disk', severity: 'error', text })
    } else if (kind === 'fullOver' || kind === 'writable') this.#disk.delete(event.log)
  }

  /** `about` tells two alarms of one kind apart, so that a text may change with the figures in it. */
  collect(nowMs: number, findings: readonly (Finding & { readonly about: string })[]): Alarm[] {
    const disk = [...this.#disk].map(([about, finding]) => ({ ...finding, about }))
    const counts = new Map<string, number>()
    const since = new Map<string, number>()
    const alarms: Alarm[] = []
    for (const { about, ...finding } of [...disk, ...findings]) {
      const count = (counts.get(finding.what) ?? 0) + 1
      counts.set(finding.what, count)
      if (count > alarmsMax) continue
      const key = `${finding.what} ${about}`
      const sinceMs = this.#since.get(key) ?? nowMs
      since.set(key, sinceMs)
      alarms.push({ ...finding, sinceMs })
    }
    this.#since = since
    return alarms
  }
}
