/**
 * Lets go what the topics' retention and their deletions say may go: looks at all topics about once a minute, and at one
 * soon after a segment of it was finished or its settings changed. Removes one file at a time, with a pause after each, so
 * that whoever writes or reads hardly notices.
 */

import { catalogTopic } from '../catalog/catalog.ts'
import type { TopicPolicy } from '../catalog/topic-settings.ts'
import type { Clock, Timer } from '../env/env.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import { AgeClock } from '../log/age-clock.ts'
import { timestampMs } from '../log/hlc.ts'
import type { Journal } from '../log/journal.ts'
import { isInternalTopic, type LogId, logKey } from '../log/log-id.ts'
import { planTrims } from '../log/retention.ts'

export interface RetentionOptions {
  readonly journal: Journal
  readonly clock: Clock
  readonly policy: (topic: string) => TopicPolicy
  readonly onChange: (listener: (topic: string) => void) => () => void
  /** Does for the catalog, which no retention concerns, what keeps it small; `next` as in `Journal.trim`. */
  readonly compact: (next: () => Promise<boolean>) => Promise<void>
  /** Told when a log could not be trimmed; it is tried again with the next look. */
  readonly failed: (error: ReeveError) => void
  /** Told once when the wall clock is so far ahead that records go by their age more slowly than it says. */
  readonly doubted: (aheadMs: number) => void
}

const lookEveryMs = 60_000
/** After something happened to a topic: what happens meanwhile is seen in the same look. */
const soonMs = 1000
/** Between two files: at 64 MiB a file that is still over 3 GB a second. */
const pauseMs = 20

/** Returns what ends it. */
export function keepRetention(options: RetentionOptions): () => void {
  const retention = new Retention(options)
  return () => retention.stop()
}

class Retention {
  readonly #options: RetentionOptions
  readonly #unsubscribe: (() => void)[]
  readonly #due = new Set<string>()
  /** Will be due soon, and not before: what cannot go now cannot go in the same turn of the event loop either. */
  readonly #coming = new Set<string>()
  #everyTimer: Timer | undefined
  #soonTimer: Timer | undefined
  #looking = false
  readonly #ages = new AgeClock()
  #doubted = false
  /** Made once for all topics of a look: it goes over all logs. */
  #newest: ReadonlyMap<string, string> | undefined
  #stopped = false
  /** Ends the pause under way. */
  #wake: () => void = () => {}

  constructor(options: RetentionOptions) {
    this.#options = options
    const { journal, onChange } = options
    this.#unsubscribe = [journal.onRoll(({ id }) => this.#soon(id.topic)), onChange((topic) => this.#soon(topic))]
    for (const topic of journal.topics()) this.#soon(topic)
    this.#every()
  }

  stop(): void {
    this.#stopped = true
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#options.clock.clearTimeout(this.#everyTimer)
    this.#options.clock.clearTimeout(this.#soonTimer)
    this.#wake()
  }

  #every(): void {
    this.#everyTimer = this.#options.clock.setTimeout(() => {
      for (const topic of this.#options.journal.topics()) this.#due.add(topic)
      this.#every()
      void this.#lookAtAll()
    }, lookEveryMs)
  }

  #soon(topic: string): void {
    this.#coming.add(topic)
    this.#soonTimer ??= this.#options.clock.setTimeout(() => {
      this.#soonTimer = undefined
      for (const topic of this.#coming) this.#due.add(topic)
      this.#coming.clear()
      void this.#lookAtAll()
    }, soonMs)
  }

  /** One topic after the other; what becomes due meanwhile has its turn too. */
  async #lookAtAll(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    this.#newest = undefined
    for (const topic of this.#due) {
      if (this.#stopped) break
      this.#due.delete(topic)
      if (topic === catalogTopic) await this.#attempt(() => this.#options.compact(() => this.#pause()))
      else if (!isInternalTopic(topic)) await this.#look(topic)
    }
    this.#looking = false
  }

  async #look(topic: string): Promise<void> {
    const { journal, clock, policy } = this.#options
    const { retention } = policy(topic)
    const { maxAgeMs, maxBytes, maxRecords, deletedAt } = retention
    if (maxAgeMs + maxBytes + maxRecords === 0 && deletedAt === 0n) return
    this.#newest ??= newestRuns(journal)
    const newest = this.#newest
    const nowMs = maxAgeMs > 0 ? this.#ageNow() : clock.now()
    const tried = new Set<string>()
    for (let again = true; again; ) {
      again = false
      const logs = journal.segments(topic).map(({ log, segments }) => ({
        id: log.id,
        segments,
        written: log.own ? ('here' as const) : isOver(log.id, newest) ? ('over' as const) : ('elsewhere' as const),
      }))
      const trims = planTrims(logs, retention, nowMs)
      for (const { id } of logs) {
        const key = logKey(id)
        const to = trims.get(key)
        if (to === undefined || tried.has(key)) continue
        if (this.#stopped) return
        tried.add(key)
        await this.#attempt(async () => {
          if (!(await journal.trim(id, to, () => this.#pause()))) this.#soon(topic)
        })
        // While it was trimmed others may have lost something, too: of a limit that they share less has to go now.
        again = maxBytes + maxRecords > 0
        if (again) break
      }
    }
  }

  #ageNow(): number {
    const { journal, clock, doubted } = this.#options
    const { nowMs, aheadMs } = this.#ages.read(clock.now(), clock.monotonicMs(), () => latestElsewhere(journal))
    if (aheadMs > 0 && !this.#doubted) doubted(aheadMs)
    this.#doubted = aheadMs > 0
    return nowMs
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#stopped) this.#options.failed(toReeveError(error))
    }
  }

  #pause(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimeout(() => resolve(true), pauseMs)
      this.#wake = () => {
        this.#options.clock.clearTimeout(timer)
        resolve(false)
      }
    })
  }
}

/** The latest time at which others wrote, or else this node in its earlier runs; undefined: nobody did. */
function latestElsewhere(journal: Journal): number | undefined {
  let [others, earlier] = [0n, 0n]
  for (const { id, own, newest } of journal.logs()) {
    if (id.origin !== journal.node) others = newest > others ? newest : others
    else if (!own) earlier = newest > earlier ? newest : earlier
  }
  const latest = others || earlier
  return latest === 0n ? undefined : timestampMs(latest)
}

/** By node: its latest run of which anything is here. Epochs sort by the time they were minted. */
function newestRuns(journal: Journal): ReadonlyMap<string, string> {
  const newest = new Map([[journal.node, journal.epoch]])
  for (const { id } of journal.logs()) {
    if (id.epoch > (newest.get(id.origin) ?? '')) newest.set(id.origin, id.epoch)
  }
  return newest
}

/** A log whose writer has begun a later run is finished: one run at a time writes, and none goes on with another's. */
function isOver({ origin, epoch }: LogId, newest: ReadonlyMap<string, string>): boolean {
  return epoch !== newest.get(origin)
}
