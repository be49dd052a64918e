/**
 * The logs of a node while it runs. Owns the data folder, which nobody else may use meanwhile, and who is told when a log
 * grows or goes. Never: shows what is not durable; reads or writes a frame itself.
 */

import { DiskError, type DiskLock } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { appendOnce } from './append-once.ts'
import { noteArriving } from './arriving-batches.ts'
import { logFolder, makeDurableFolder, makeLogFolder, topicsFolder } from './data-dir.ts'
import { readDataFormat, writeDataFormat } from './data-format.ts'
import { HybridClock } from './hlc.ts'
import type { Journal, JournalOptions } from './journal.ts'
import { Log, type LogKeeper } from './log.ts'
import { checkedId, type LogId, logKey, parseNodeName } from './log-id.ts'
import { LogListeners } from './log-listeners.ts'
import type { Appended, LogSegments, LogView } from './log-view.ts'
import type { LogWorld } from './log-world.ts'
import { markedBatches } from './marked-batches.ts'
import { OpenFiles } from './open-files.ts'
import { type Placed, whenDurable } from './placed.ts'
import { type Claim, Producers } from './producers.ts'
import { recoverLogs } from './recovered-logs.ts'
import type { Segment } from './segment.ts'
import type { TopicRules } from './settings.ts'
import { Soundness } from './soundness.ts'
import type { LostStart } from './start-mark.ts'
import { TopicLogs } from './topic-logs.ts'
import { WriteBuffers } from './write-buffers.ts'

/** Rejects with `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE`, `FORMAT_NEWER` or `NODE_NAME_INVALID`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { disk, dataDir, node, epoch } = options
  const name = parseNodeName(node)
  if (!name.ok) throw new ReeveError('NODE_NAME_INVALID', name.problem)
  let lock: DiskLock | undefined
  try {
    disk.makeFolder(dataDir)
    lock = await disk.lockFolder(dataDir, `node ${node}, epoch ${epoch}`)
    const format = readDataFormat(disk, dataDir)
    if (format === 0) await writeDataFormat(disk, dataDir)
    await makeDurableFolder(disk, topicsFolder(dataDir))
    const journal = new OpenJournal(options, lock)
    await journal.recover(format !== 1)
    if (format === 1 && !journal.soundness.isInDoubt) await writeDataFormat(disk, dataDir)
    return journal
  } catch (error) {
    lock?.release()
    if (!(error instanceof DiskError)) throw error
    const code = error.code === 'EBUSY' ? 'DATA_DIR_LOCKED' : 'DATA_DIR_UNUSABLE'
    throw new ReeveError(code, `the data folder ${dataDir} cannot be used: ${error.message}`, { cause: error })
  }
}

class OpenJournal implements Journal {
  readonly node: string
  readonly epoch: string
  readonly #options: JournalOptions
  readonly #lock: DiskLock
  readonly soundness: Soundness
  readonly #world: LogWorld
  readonly #clock = new HybridClock()
  /** Every log that was ever asked to grow or found on disk, by key. */
  readonly #logs = new Map<string, Log>()
  readonly #topics = new Map<string, TopicLogs>()
  readonly #commits: LogListeners
  readonly #rolls: LogListeners
  readonly #trims: LogListeners
  readonly #keeper: LogKeeper = {
    makeFolder: (id) => makeLogFolder(this.#options.disk, this.#options.dataDir, id),
    committed: (log, rolled) => this.#committed(log, rolled),
    arriving: (copy, marked, durable) => noteArriving(this.#producers, copy, marked, durable),
    timestamp: () => this.timestamp(),
  }
  /** Of topics that have none of their own. */
  readonly #rules: TopicRules
  readonly #trimming = new Set<Promise<unknown>>()
  readonly #producers: Producers
  #closing: Promise<void> | undefined

  constructor(options: JournalOptions, lock: DiskLock) {
    this.node = options.node
    this.epoch = options.epoch
    this.#options = options
    this.#lock = lock
    const { disk, clock, settings, report } = options
    this.#commits = new LogListeners(report)
    this.#rolls = new LogListeners(report)
    this.#trims = new LogListeners(report)
    this.#rules = { segmentMaxBytes: settings.segmentMaxBytes, deletedAt: 0n, expires: settings.expires }
    const pending = { bytes: 0, maxBytes: settings.pendingMaxBytes }
    const files = new OpenFiles(disk, clock, settings.openFilesMax)
    this.#producers = new Producers(options.epoch, () => options.clock.now())
    this.soundness = new Soundness(this.#logs, report)
    const buffers = new WriteBuffers(settings.groupMaxBytes)
    this.#world = { disk, files, buffers, settings, report, pending, soundness: this.soundness }
  }

  /** `marked`: every log that does not begin at 0 should say why. */
  async recover(marked: boolean): Promise<void> {
    const { clock } = this.#options
    const { recovered, aside } = await recoverLogs(this.#options, marked)
    for (const { id, segments, lost } of recovered) {
      if (segments.length === 0) continue
      const log = this.#add(id, segments, lost)
      if (lost) this.soundness.foundLost(log, lost)
      this.#show(log)
      this.#clock.observe(log.timestamp, clock.now())
    }
    for (const { id, folder } of aside) this.#takeBack(id, folder)
    for (const [id, batch] of markedBatches(recovered)) this.#producers.add(id, batch.producer, batch)
  }

  #takeBack(id: LogId, folder: string): void {
    const log = this.#logs.get(logKey(id)) ?? this.#add(id, [])
    this.soundness.foundAside(log, { log, replicate: (frames) => this.replicate(id, frames) }, folder)
  }

  async append(topic: string, batch: Uint8Array, recordCount: number, claim?: Claim): Promise<Appended> {
    if (!claim) return whenDurable(this.place(topic, batch, recordCount))
    this.#refuseWhenClosing()
    const order = { log: this.#ownLog(topic), body: batch, recordCount, claim }
    return appendOnce(this.#producers, (id) => this.log(id), order)
  }

  place(topic: string, batch: Uint8Array, recordCount: number): Placed {
    this.#refuseWhenClosing()
    return this.#ownLog(topic).append(batch, recordCount)
  }

  async replicate(id: LogId, frames: Uint8Array): Promise<number> {
    this.#refuseWhenClosing()
    if (this.#isOwn(id)) throw new ReeveError('LOG_DIVERGED', `${logKey(id)} is written by this run and nobody else`)
    const log = this.#logs.get(logKey(id)) ?? this.#add(checkedId(id), [])
    return log.replicate(frames, (timestamp) => this.#clock.observe(timestamp, this.#options.clock.now()))
  }

  log(id: LogId): LogView | undefined {
    const log = this.#logs.get(logKey(id))
    return log && log.end > 0 ? log : undefined
  }

  logs(): LogView[] {
    return [...this.#topics.values()].flatMap(({ visible }) => visible)
  }

  topicLogs(topic: string): LogView[] {
    return [...(this.#topics.get(topic)?.visible ?? [])]
  }

  topics(): string[] {
    return [...this.#topics].flatMap(([name, { visible }]) => (visible.length > 0 ? [name] : [])).sort()
  }

  onCommit(listener: (log: LogView) => void): () => void {
    return this.#commits.add(listener)
  }

  onRoll(listener: (log: LogView) => void): () => void {
    return this.#rolls.add(listener)
  }

  onTrim(listener: (log: LogView) => void): () => void {
    return this.#trims.add(listener)
  }

  timestamp(): bigint {
    return this.#clock.next(this.#options.clock.now())
  }

  rule(topic: string, rules: TopicRules): void {
    const logs = this.#topic(topic)
    const deleted = rules.deletedAt !== logs.rules.deletedAt
    logs.rules = rules
    if (!deleted) return
    for (const log of logs.visible) {
      if (log.applyDeletion(true)) this.#trims.tell(log)
    }
  }

  segments(topic: string): LogSegments[] {
    return (this.#topics.get(topic)?.visible ?? []).map((log) => ({ log, segments: log.summaries }))
  }

  async trim(id: LogId, to: number, next: () => Promise<boolean>): Promise<boolean> {
    this.#refuseWhenClosing()
    const log = this.#logs.get(logKey(id))
    if (!log) return true
    const before = log.start
    let bytes = 0
    const removed = async (more: number) => {
      bytes += more
      return !this.#closing && (await next()) && !this.#closing
    }
    try {
      return await this.#tracked(log, log.trim(to, removed))
    } finally {
      if (bytes > 0) this.#options.report({ kind: 'trimmed', log: log.key, start: log.start, bytes })
      if (log.start !== before) this.#trims.tell(log)
    }
  }

  roll(topic: string): void {
    this.#topics.get(topic)?.own?.roll()
  }

  async beginAt(id: LogId, start: number): Promise<void> {
    this.#refuseWhenClosing()
    if (this.#isOwn(id)) throw new ReeveError('LOG_DIVERGED', `${logKey(id)} is written by this run and nobody else`)
    const log = this.#logs.get(logKey(id)) ?? this.#add(checkedId(id), [])
    const { end } = log
    const begun = await this.#tracked(log, log.beginAt(start))
    if (!begun) return
    if (end > 0) this.#options.report({ kind: 'begunAnew', log: log.key, end, start, folder: begun.folder })
    this.#show(log)
    this.#trims.tell(log)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.close()))
    await Promise.allSettled(this.#trimming)
    this.#world.files.closeAll()
    this.#lock.release()
  }

  #refuseWhenClosing(): void {
    if (this.#closing) throw new ReeveError('NODE_STOPPING', 'the logs of this node are being closed')
  }

  #isOwn(id: LogId): boolean {
    return id.origin === this.node && id.epoch === this.epoch
  }

  #ownLog(topic: string): Log {
    const known = this.#topics.get(topic)?.own
    if (known) return known
    const log = this.#add(checkedId({ topic, origin: this.node, epoch: this.epoch }), [])
    this.#topic(topic).own = log
    return log
  }

  #add(id: LogId, segments: Segment[], lost?: LostStart): Log {
    const { dataDir } = this.#options
    // A text of its own for each log is a lot where there are many.
    const folder = segments[0]?.folder ?? logFolder(dataDir, id)
    const [own, topic] = [this.#isOwn(id), this.#topic(id.topic)]
    const log = new Log(this.#world, { id, own, folder, segments, lost, topic }, this.#keeper)
    this.#logs.set(log.key, log)
    return log
  }

  #show(log: Log): void {
    if (log.shown) return
    log.shown = true
    const topic = this.#topic(log.id.topic)
    topic.visible = topic.visible.concat(log)
  }

  #topic(name: string): TopicLogs {
    const known = this.#topics.get(name)
    if (known) return known
    const logs = new TopicLogs(this.#rules)
    this.#topics.set(name, logs)
    return logs
  }

  /** Work on files that must be over before the folder is released. */
  async #tracked<T>(log: Log, work: Promise<T>): Promise<T> {
    this.#trimming.add(work)
    try {
      return await work
    } catch (error) {
      if (!(error instanceof DiskError)) throw error
      throw new ReeveError('DISK_FAILED', `${log.key} cannot be trimmed: ${error.message}`, { cause: error })
    } finally {
      this.#trimming.delete(work)
    }
  }

  #committed(log: Log, rolled: boolean): void {
    this.#show(log)
    this.#commits.tell(log)
    if (rolled) this.#rolls.tell(log)
  }
}
