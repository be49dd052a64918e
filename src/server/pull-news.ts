/**
 * What a source tells one replica of the logs it holds: digests and lists when asked, and what moves from then on. Says
 * nothing of logs that the replica is sent anyway, or gets from their own writer.
 */

import type { Clock, Timer } from '../env/env.ts'
import type { Following, List, Run } from '../gen/reeve/v1/replication_service_pb.ts'
import type { LogView } from '../log/journal.ts'
import { epochFromBytes } from '../log/log-id.ts'
import type { Holding } from '../replication/directory.ts'
import { digestToMessage, type encodePullResponse, holdingsToMessage } from '../replication/pull-messages.ts'
import type { Summary } from '../replication/summary.ts'

/** Groups or logs a message. */
const itemsPerMessage = 1000
/** How long changes are gathered before they are told. */
const gatherMs = 100

export interface PullNewsOptions {
  readonly clock: Clock
  readonly summary: Summary
  readonly send: (kind: Parameters<typeof encodePullResponse>[0]) => void
  /** Whether the replica does not read: it is told when it does, and what is kept for it meanwhile is one entry a log. */
  readonly blocked: () => boolean
}

export class PullNews {
  readonly #options: PullNewsOptions
  /** `origin/epoch`. */
  readonly #followed = new Set<string>()
  /** Logs that were told before: of those it is enough to hear now and then. */
  readonly #told = new Set<string>()
  readonly #changed = new Map<string, LogView>()
  #timer: Timer | undefined

  constructor(options: PullNewsOptions) {
    this.#options = options
  }

  compare(): void {
    const groups = [...this.#options.summary.digests()].map(digestToMessage)
    for (let at = 0; at < groups.length || at === 0; at += itemsPerMessage) {
      const last = at + itemsPerMessage >= groups.length
      this.#options.send({ case: 'digests', value: { groups: groups.slice(at, at + itemsPerMessage), last } })
    }
  }

  list({ topic, origin }: List): void {
    const logs = this.#options.summary.logsOf(topic, origin)
    for (let at = 0; at < logs.length || at === 0; at += itemsPerMessage) {
      const [group = { topic, origin, runs: [] }] = holdingsToMessage(logs.slice(at, at + itemsPerMessage))
      const listed = at + itemsPerMessage >= logs.length
      this.#options.send({ case: 'holdings', value: { groups: [{ ...group, listed }] } })
    }
  }

  following({ begun, ended }: Following): void {
    for (const run of begun) this.#followed.add(nameOf(run))
    for (const run of ended) {
      this.#followed.delete(nameOf(run))
      const epoch = epochFromBytes(run.epoch)
      if (epoch.ok) for (const log of this.#options.summary.logsOfRun(run.origin, epoch.value)) this.moved(log)
    }
  }

  /** A log that the replica is not sent has grown, or can be read again. */
  moved(log: LogView): void {
    if (this.#followed.has(`${log.id.origin}/${log.id.epoch}`)) return
    this.#changed.set(log.key, log)
    if (this.#options.blocked()) return
    // The first records of a new log wait for this.
    const delayMs = this.#told.has(log.key) ? gatherMs : 0
    if (delayMs === 0) this.#clearTimer()
    this.#timer ??= this.#options.clock.setTimeout(() => this.#tell(), delayMs)
  }

  drained(): void {
    if (this.#changed.size > 0 && !this.#timer) this.#tell()
  }

  close(): void {
    this.#clearTimer()
    this.#changed.clear()
  }

  #tell(): void {
    this.#timer = undefined
    if (this.#options.blocked()) return
    const logs: Holding[] = [...this.#changed.values()]
    for (const key of this.#changed.keys()) this.#told.add(key)
    this.#changed.clear()
    for (let at = 0; at < logs.length; at += itemsPerMessage) {
      this.#options.send({
        case: 'holdings',
        value: { groups: holdingsToMessage(logs.slice(at, at + itemsPerMessage)) },
      })
    }
  }

  #clearTimer(): void {
    this.#options.clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

function nameOf({ origin, epoch }: Run): string {
  const text = epochFromBytes(epoch)
  return `${origin}/${text.ok ? text.value : ''}`
}
