/** What a node keeps: its logs, what the cluster knows beside its records, and all that works on the logs by itself. */

import type { Logger } from 'pino'
import { Healer } from './actors/healer.ts'
import { reportDoubt, reportJournal, reportScrub } from './actors/log-lines.ts'
import { keepRetention } from './actors/retention.ts'
import { Scrubber } from './actors/scrubber.ts'
import { type Catalog, openCatalog } from './catalog/catalog.ts'
import { compactCatalog } from './catalog/compaction.ts'
import { Cursors } from './catalog/cursors.ts'
import { Declarations } from './catalog/declarations.ts'
import { declareEarlierRuns, followDeclarations } from './catalog/declare.ts'
import { kindsKnowing } from './catalog/kinds.ts'
import { openTopics, type Topics } from './catalog/topics.ts'
import type { NodeConfig } from './config.ts'
import type { Clock, Disk } from './env/env.ts'
import { ReeveError, toReeveError } from './errors.ts'
import type { Journal, JournalEvent } from './log/journal.ts'
import { openJournal } from './log/open-journal.ts'
import { defaultLogSettings } from './log/settings.ts'

export interface StorageOptions {
  readonly config: NodeConfig
  readonly epoch: string
  readonly clock: Clock
  readonly disk: Disk
  /** The same to its logs, where it is measured. */
  readonly logDisk: Disk
  readonly log: Logger
  /** What happens to logs; logged besides. */
  readonly report: (event: JournalEvent) => void
}

/** What there is once the logs are open; it can still be looked at when they are closed. */
export interface OpenStorage {
  readonly journal: Journal
  readonly catalog: Catalog
  readonly cursors: Cursors
  readonly topics: Topics
}

export class Storage {
  readonly declarations = new Declarations()
  readonly healer: Healer
  readonly #options: StorageOptions
  readonly #scrubber: Scrubber
  readonly #catalogLog: Logger
  #found: OpenStorage | undefined

  constructor(options: StorageOptions) {
    const { config, clock, disk, log } = options
    this.#options = options
    this.#catalogLog = log.child({ actor: 'catalog' })
    this.healer = new Healer(clock)
    this.#scrubber = new Scrubber({
      ...{ clock, disk, dataDir: config.dataDir },
      bytesPerSecond: config.scrubBytesPerSecond,
      report: (event) => reportScrub(log.child({ actor: 'scrubber' }), event),
    })
  }

  /** Undefined before the logs are open. */
  get found(): OpenStorage | undefined {
    return this.#found
  }

  /** Throws `NODE_STARTING` before the logs are open. */
  get open(): OpenStorage {
    if (this.#found === undefined) throw new ReeveError('NODE_STARTING', 'the logs are not open yet')
    return this.#found
  }

  /** `failed` hears of a log that can no longer be written. */
  openJournal(failed: (error: unknown) => void): Promise<Journal> {
    const { config, epoch, clock, logDisk, log, report } = this.#options
    return openJournal({
      ...{ disk: logDisk, clock, epoch },
      dataDir: config.dataDir,
      node: config.nodeName,
      settings: {
        ...defaultLogSettings,
        durability: config.durability,
        segmentMaxBytes: config.segmentMaxBytes,
        expires: config.retentionMs + config.retentionBytes + config.retentionRecords > 0,
      },
      report: (event) => {
        report(event)
        reportJournal(log.child({ actor: 'journal' }), event, failed)
      },
    })
  }

  /** Reads the catalog in these logs and begins to work on them; returns what ends that work. */
  start(journal: Journal): () => Promise<void> {
    const { declarations, healer } = this
    const log = this.#catalogLog
    const catalog = openCatalog({
      journal,
      kinds: kindsKnowing(declarations),
      report: ({ code, message }) => log.error({ code, reason: message }, 'the catalog is not complete'),
    })
    followDeclarations(catalog, declarations)
    const cursors = new Cursors({ catalog, journal, declarations })
    declareEarlierRuns(journal, catalog, declarations).catch((error) => {
      const { code, message } = toReeveError(error)
      log.warn({ code, reason: message }, 'earlier runs are not declared: cursors stay longer')
    })
    const { config } = this.#options
    const topics = openTopics(catalog, journal, { ...config, maxRecordBytes: config.maxBatchBytes })
    this.#found = { journal, catalog, cursors, topics }
    const endRetention = this.#keepRetention(this.#found)
    healer.start(journal)
    this.#scrubber.start(journal)
    return async () => {
      endRetention()
      await Promise.all([healer.stop(), this.#scrubber.stop()])
    }
  }

  #keepRetention({ journal, catalog, topics }: OpenStorage): () => void {
    const log = this.#catalogLog
    return keepRetention({
      journal,
      clock: this.#options.clock,
      policy: (topic) => topics.policy(topic),
      onChange: (listener) => topics.onChange(listener),
      compact: (next) => compactCatalog(catalog, journal, next),
      failed: ({ code, message }) => log.warn({ code, reason: message }, 'a log could not be trimmed'),
      doubted: (aheadMs) => reportDoubt(log, aheadMs),
    })
  }
}
