/** All logs of a node. */

import { type Clock, type Disk, DiskError, type DiskLock } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { logFolder, logFolders, makeDurableFolder, makeLogFolder, topicsFolder } from './data-dir.ts'
import { HybridClock } from './hlc.ts'
import { Log } from './log.ts'
import { type LogId, logKey, parseEpoch, parseNodeName, parseStoredTopicName } from './log-id.ts'
import type { LogWorld } from './log-writer.ts'
import { OpenFiles } from './open-files.ts'
import { makeDurable, recoverLog } from './recovery.ts'
import type { Segment } from './segment.ts'
import type { LogSettings } from './settings.ts'

export interface Journal {
  /** This node's name, the origin of its own logs. */
  readonly node: string
  /** This run. */
  readonly epoch: string
  /**
   * Appends to this run's own log of the topic, which the first append creates. `batch` must have passed `checkBatch`
   * with `recordCount` records. Resolves once the group it went with is durable and visible.
   *
   * Rejects with `TOPIC_NAME_INVALID`, `BATCH_TOO_LARGE`, `OVERLOADED`, `DISK_FULL`, `DISK_FAILED`, `LOG_FAILED` or
   * `NODE_STOPPING`.
   */
  append(topic: string, batch: Uint8Array, recordCount: number): Promise<Appended>
  /**
   * Extends a copy by whole frames that begin at its end, or overlap it with what it holds already. Resolves with the
   * copy's durable end.
   *
   * Rejects with nothing written: `LOG_DIVERGED` where the frames contradict the copy (or the log is this run's own),
   * `DATA_CORRUPT` where they are damaged or leave a gap; else as `append`, but never `OVERLOADED`: whoever calls this
   * bounds what it has under way.
   */
  replicate(id: LogId, frames: Uint8Array): Promise<number>
  /** Undefined while nothing of it is visible here. */
  log(id: LogId): LogView | undefined
  logs(): LogView[]
  topicLogs(topic: string): LogView[]
  /** Sorted. */
  topics(): string[]
  /** Called after a log's visible end moved; a log appears with its first visible frame. Returns what unsubscribes. */
  onCommit(listener: (log: LogView) => void): () => void
  /** Refuses new appends, waits for those that wait for the disk, releases the folder. */
  close(): Promise<void>
}

export interface Appended {
  readonly log: LogId
  readonly baseOffset: number
  readonly recordCount: number
  readonly endOffset: number
  readonly timestamp: bigint
}

/** What can be read of a log. */
export interface LogView {
  readonly id: LogId
  readonly key: string
  /** Written by this run. */
  readonly own: boolean
  /** First offset that is still here. */
  readonly start: number
  /** First offset that is not yet durable and visible. */
  readonly end: number
  readonly bytes: number
  /** Chain hash of the last visible frame; 0n when empty. */
  readonly chain: bigint
  /**
   * Chain hash of the visible frame that ends at `offset`; 0n at 0; undefined where none ends there or it is trimmed.
   * Throws `DATA_CORRUPT` where this copy is damaged there, `DISK_FAILED` where it cannot be read.
   */
  chainAt(offset: number): bigint | undefined
  /**
   * Whole verified frames as stored, back to back, in fresh memory. The first one contains `from`; at least one, then
   * no more than `maxBytes`. Empty at the end.
   *
   * Throws `OFFSET_TRIMMED` below `start` (facts: start, end), `DATA_CORRUPT`, `DISK_FAILED`.
   */
  read(from: number, maxBytes: number): Uint8Array
  /**
   * Offset of the first visible frame whose timestamp is not before `timeMs` (ms since 1970); `end` where there is none.
   * Throws `DATA_CORRUPT`, `DISK_FAILED`.
   */
  offsetAtTime(timeMs: number): number
}

/** What the node should know of its logs; `log` is a log key. */
export type JournalEvent =
  /** A frame that was being written when the node went down was cut off; it was never visible. */
  | { readonly kind: 'tailCut'; readonly log: string; readonly end: number; readonly cutBytes: number }
  /** Damage was found at opening: what lies from `end` on was set aside in `folder`, to be pulled again from a peer. */
  | { readonly kind: 'damaged'; readonly log: string; readonly end: number; readonly folder: string }
  /** Damage was found by a read; nothing of it was served. It is set aside at the next opening. */
  | { readonly kind: 'corrupt'; readonly log: string; readonly offset: number; readonly path: string }
  /** The disk refused a write for want of space; appends are tried again. Reported once until it is over. */
  | { readonly kind: 'full'; readonly log: string; readonly message: string }
  | { readonly kind: 'fullOver'; readonly log: string }
  /** The log takes no more appends in this run: what the disk holds of the last group is not known. */
  | { readonly kind: 'failed'; readonly log: string; readonly message: string }
  /** Something that is not ours lies in the data folder; it is left alone. */
  | { readonly kind: 'ignored'; readonly path: string; readonly reason: string }
  /** A commit listener threw. */
  | { readonly kind: 'listenerFailed'; readonly log: string; readonly message: string }

export interface JournalOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly dataDir: string
  readonly node: string
  readonly epoch: string
  readonly settings: LogSettings
  readonly report: (event: JournalEvent) => void
}

/** Rejects with `DATA_DIR_LOCKED`, `DATA_DIR_UNUSABLE` or `NODE_NAME_INVALID`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { disk, dataDir, node, epoch } = options
  const name = parseNodeName(node)
  if (!name.ok) throw new ReeveError('NODE_NAME_INVALID', name.problem)
  let lock: DiskLock | undefined
  try {
    await makeDurableFolder(disk, dataDir)
    lock = await disk.lockFolder(dataDir, `node ${node}, epoch ${epoch}`)
    await makeDurableFolder(disk, topicsFolder(dataDir))
    const journal = new OpenJournal(options, lock)
    await journal.recover()
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
  readonly #world: LogWorld
  readonly #clock = new HybridClock()
  /** Every log that was ever asked to grow or found on disk, by key. */
  readonly #logs = new Map<string, Log>()
  readonly #ownLogs = new Map<string, Log>()
  /** Topic → its logs that have something to read. */
  readonly #visible = new Map<string, Set<Log>>()
  readonly #listeners = new Set<(log: LogView) => void>()
  #closing: Promise<void> | undefined

  constructor(options: JournalOptions, lock: DiskLock) {
    this.node = options.node
    this.epoch = options.epoch
    this.#options = options
    this.#lock = lock
    const { disk, settings, report } = options
    const pending = { bytes: 0, maxBytes: settings.pendingMaxBytes }
    this.#world = { disk, files: new OpenFiles(disk, settings.openFilesMax), settings, report, pending }
  }

  async recover(): Promise<void> {
    const { disk, dataDir, settings, report, clock } = this.#options
    const recovered: { id: LogId; segments: Segment[] }[] = []
    for (const found of logFolders(disk, dataDir)) {
      if (found.kind === 'foreign') report({ kind: 'ignored', path: found.path, reason: found.reason })
      if (found.kind !== 'log') continue
      const { id, path: folder } = found
      if (this.#isOwn(id)) {
        throw new ReeveError('DATA_DIR_UNUSABLE', `${folder} exists: epoch ${id.epoch} was used by an earlier run`)
      }
      recovered.push({ id, segments: await recoverLog({ disk, id, folder, settings, report }) })
    }
    await makeDurable(
      disk,
      recovered.map(({ segments }) => segments),
    )
    for (const { id, segments } of recovered) {
      if (segments.length === 0) continue
      const log = this.#add(id, segments)
      this.#show(log)
      this.#clock.observe(log.timestamp, clock.now())
    }
  }

  async append(topic: string, batch: Uint8Array, recordCount: number): Promise<Appended> {
    this.#refuseWhenClosing()
    const log = this.#ownLogs.get(topic) ?? this.#beginOwn(topic)
    return log.append(batch, recordCount, this.#clock.next(this.#options.clock.now()))
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
    return [...this.#visible.values()].flatMap((logs) => [...logs])
  }

  topicLogs(topic: string): LogView[] {
    return [...(this.#visible.get(topic) ?? [])]
  }

  topics(): string[] {
    return [...this.#visible.keys()].sort()
  }

  onCommit(listener: (log: LogView) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#logs.values()].map((log) => log.close()))
    this.#world.files.closeAll()
    this.#lock.release()
  }

  #refuseWhenClosing(): void {
    if (this.#closing) throw new ReeveError('NODE_STOPPING', 'the logs of this node are being closed')
  }

  #isOwn(id: LogId): boolean {
    return id.origin === this.node && id.epoch === this.epoch
  }

  #beginOwn(topic: string): Log {
    const log = this.#add(checkedId({ topic, origin: this.node, epoch: this.epoch }), [])
    this.#ownLogs.set(topic, log)
    return log
  }

  #add(id: LogId, segments: Segment[]): Log {
    const { disk, dataDir } = this.#options
    const log = new Log(this.#world, {
      id,
      own: this.#isOwn(id),
      folder: logFolder(dataDir, id),
      segments,
      makeFolder: () => makeLogFolder(disk, dataDir, id),
      committed: (grown) => this.#committed(grown),
    })
    this.#logs.set(log.key, log)
    return log
  }

  #show(log: Log): void {
    const logs = this.#visible.get(log.id.topic)
    if (logs) logs.add(log)
    else this.#visible.set(log.id.topic, new Set([log]))
  }

  #committed(log: Log): void {
    this.#show(log)
    for (const listener of this.#listeners) {
      try {
        listener(log)
      } catch (error) {
        this.#options.report({ kind: 'listenerFailed', log: log.key, message: toReeveError(error).message })
      }
    }
  }
}

/** The id, once every part of it is safe to become a folder. */
function checkedId(id: LogId): LogId {
  const topic = parseStoredTopicName(id.topic)
  if (!topic.ok) throw new ReeveError('TOPIC_NAME_INVALID', topic.problem)
  const origin = parseNodeName(id.origin)
  if (!origin.ok) throw new ReeveError('NODE_NAME_INVALID', origin.problem)
  const epoch = parseEpoch(id.epoch)
  if (!epoch.ok) throw new ReeveError('REQUEST_MALFORMED', epoch.problem)
  return { topic: topic.value, origin: origin.value, epoch: epoch.value }
}
