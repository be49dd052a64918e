/**
 * Logs that a peer has in a form that is of no use here, as a later version of Reeve wrote it: they are left out, and all
 * others of that peer go on. Said once, and shown for as long as it is so; looked at again when the peer is connected anew,
 * and after a long pause.
 */

import type { Reason } from '../../machines/messages.ts'
import type { Clock, Timer } from '../env/env.ts'
import { type LogId, logKey } from '../log/log-id.ts'
import type { Directory } from '../replication/directory.ts'

/** A log, whose copy it is, and why nothing is copied from there. */
export interface LeftOutLog extends Reason {
  readonly log: string
  readonly peer: string
}

interface Entry {
  readonly shown: LeftOutLog
  readonly timer: Timer
}

/** What is asked for in vain is a message or two. */
const againMs = 60 * 60 * 1000

export class LeftOut {
  readonly #clock: Clock
  readonly #directory: Directory
  readonly #report: (log: LeftOutLog) => void
  /** By peer, then by log key. */
  readonly #entries = new Map<string, Map<string, Entry>>()
  /** Peer and log of what was reported. */
  readonly #reported = new Set<string>()

  constructor(clock: Clock, directory: Directory, report: (log: LeftOutLog) => void) {
    this.#clock = clock
    this.#directory = directory
    this.#report = report
  }

  /** `again` is called once it may be asked for again. */
  add(peer: string, id: LogId, reason: Reason, again: () => void): void {
    const key = logKey(id)
    const entries = this.#entries.get(peer) ?? new Map<string, Entry>()
    this.#entries.set(peer, entries)
    this.#drop(entries, key)
    const holding = this.#directory.offer(key)?.by.get(peer)
    this.#directory.exclude(peer, key, 'whileConnected')
    const timer = this.#clock.setTimeout(() => {
      this.#drop(entries, key)
      this.#directory.readmit(peer, key)
      if (holding) this.#directory.learn(peer, holding)
      again()
    }, againMs)
    const shown = { log: key, peer, ...reason }
    entries.set(key, { shown, timer })
    if (this.#reported.has(`${peer} ${key}`)) return
    this.#reported.add(`${peer} ${key}`)
    this.#report(shown)
  }

  /** The connection is gone. */
  forget(peer: string): void {
    const entries = this.#entries.get(peer)
    for (const key of [...(entries?.keys() ?? [])]) this.#drop(entries as Map<string, Entry>, key)
    this.#entries.delete(peer)
  }

  logs(): LeftOutLog[] {
    return [...this.#entries.values()].flatMap((entries) => [...entries.values()].map(({ shown }) => shown))
  }

  #drop(entries: Map<string, Entry>, key: string): void {
    this.#clock.clearTimeout(entries.get(key)?.timer)
    entries.delete(key)
  }
}
