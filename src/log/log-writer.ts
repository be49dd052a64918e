/**
 * The writing end of one log. Owns group commit: whatever waits in the queue while a sync is under way shares the next
 * one. What fills a whole write meanwhile is written already, so that the disk has it when its sync comes. Nothing is
 * visible, and no promise resolves, before a sync that began after its write has come back. Never guesses: after a failed
 * sync nobody knows what the disk holds, and the log takes no more in this run.
 */

import { ReeveError } from '../errors.ts'
import { ActiveSegment } from './active-segment.ts'
import { finishSegment } from './finish-segment.ts'
import { FolderNames } from './folder-names.ts'
import type { ProducerMark } from './frame.ts'
import { saveIndexNowAndThen } from './index-file.ts'
import type { LogEnd, LogWorld } from './log-world.ts'
import { isFull, messageOf, reeveError } from './write-error.ts'
import { type GatheringFrame, goTogether, isOneFrame, type Tail, type WriteGroup } from './write-group.ts'
import { WriteQueue } from './write-queue.ts'

export class LogWriter {
  readonly #world: LogWorld
  readonly #log: LogEnd
  readonly #queue: WriteQueue
  /** What left the queue, in the order of the log, and waits for a sync. */
  #written: WriteGroup[] = []
  /** Its file stays open as long as there is work. */
  readonly #active: ActiveSegment
  #working = false
  #syncing = false
  #idle: (() => void)[] = []
  /** For when no file is in use here. */
  #between: (() => void)[] = []
  /** Why no more is taken. */
  #failure: ReeveError | undefined
  /** Nobody knows what the disk holds behind what is visible. */
  #failed = false
  #refusing: 'full' | 'unwritable' | undefined
  readonly #names: FolderNames

  constructor(world: LogWorld, log: LogEnd) {
    this.#world = world
    this.#log = log
    this.#names = new FolderNames(world.disk, log.folder, log.segments.length > 0)
    this.#queue = new WriteQueue(world, log)
    this.#active = new ActiveSegment(world, log)
  }

  /** Behind everything accepted, durable or not. */
  get tail(): Tail {
    return this.#queue.tail
  }

  get #fsyncs(): boolean {
    return this.#world.settings.durability === 'fsync'
  }

  /** Nothing is accepted that is not on the disk. */
  get quiet(): boolean {
    return !this.#working
  }

  /** Whether the next frame begins a new segment, for all that is accepted up to now. */
  get rolled(): boolean {
    return this.#queue.tail.segmentBytes === 0
  }

  /** Lets the next frame begin a new segment; forgotten when a write is refused. */
  roll(): void {
    this.#queue.roll()
  }

  /** Takes the list of segments as it is now; only while quiet. */
  resume(): void {
    this.#queue.resume()
  }

  /**
   * Gives a checked batch its place at the end of the log: in a frame of its own or, where small ones that are nobody's
   * in particular wait for the same write, in one with them. Throws what `Journal.append` rejects with.
   */
  append(batch: Uint8Array, recordCount: number, producer?: ProducerMark | undefined): GatheringFrame {
    this.#admit(batch.length)
    const frame = this.#queue.append(batch, recordCount, producer)
    this.#wake()
    return frame
  }

  /** Verified whole frames that fit the tail. Resolves once all of them are durable and visible. */
  async push(frames: Uint8Array): Promise<void> {
    this.#admit(frames.length)
    let group: WriteGroup | undefined
    for (let at = 0; at < frames.length; ) {
      const marks = goTogether(frames, at, this.#queue.tail.segmentBytes, this.#log.topic.rules.segmentMaxBytes)
      const bytes = marks.reduce((sum, mark) => sum + mark.bytes, 0)
      group = this.#queue.add(frames.subarray(at, at + bytes), marks)
      this.#wake()
      at += bytes
      if (this.#failure || this.#queue.tail.offset !== marks.at(-1)?.endOffset) break
    }
    await group?.durable
  }

  /** Does this while no file is in use here: at once, or before the next group is written. Rejects as it throws. */
  between(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const run = () => {
        try {
          work()
          resolve()
        } catch (error) {
          reject(error)
        }
      }
      if (this.#working) this.#between.push(run)
      else run()
    })
  }

  /** Resolves when nothing waits for the disk. */
  idle(): Promise<void> {
    return this.#working ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve()
  }

  /** Takes no more; resolves when nothing waits for the disk. */
  async close(): Promise<void> {
    this.#failure ??= new ReeveError('NODE_STOPPING', 'the logs of this node are being closed')
    await this.idle()
    if (!this.#failed) await finishSegment(this.#world, this.#log).catch(() => {})
  }

  #admit(bytes: number): void {
    if (this.#failure) throw this.#failure
    this.#queue.admit(bytes)
  }

  /** Something was added to the queue. */
  #wake(): void {
    if (!this.#working) {
      this.#working = true
      // Not at once: what else is appended in this turn belongs to the same group.
      queueMicrotask(() => void this.#work())
    } else if (this.#syncing && this.#between.length === 0) this.#writeAhead()
  }

  async #work(): Promise<void> {
    let durable: WriteGroup[] = []
    while (this.#queue.waiting.length > 0 || this.#written.length > 0 || durable.length > 0) {
      const now = this.#written.length === 0 ? this.#between.splice(0) : []
      // The index of the segment before speaks of all of it.
      if (now.length > 0 || this.#queue.waiting[0]?.beginsSegment) this.#publish(durable.splice(0))
      if (now.length > 0) this.#active.release()
      for (const work of now) work()
      if (this.#between.length === 0) await this.#write()
      const groups = this.#written.splice(0)
      const synced = this.#sync(groups)
      // While the disk is busy with the next.
      this.#publish(durable)
      durable = (await synced) ? groups : []
    }
    this.#active.release()
    if (this.#failed) this.#queue.resume()
    for (const work of this.#between.splice(0)) work()
    this.#working = false
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** All that waits, up to where a segment begins: that is for when all before is durable. */
  async #write(): Promise<void> {
    const { waiting } = this.#queue
    if (waiting.length > 0 && this.#active.mayHaveZeros && !isOneFrame([...this.#written, ...waiting])) {
      if (!(await this.#prepare())) return
    }
    for (let group = waiting[0]; group; group = waiting[0]) {
      if (group.beginsSegment && (this.#written.length > 0 || !(await this.#prepare(group)))) return
      if (!this.#writeNext()) return
    }
    this.#writeZeros()
  }

  /** The groups that take no more, while a sync is under way, if none of them begins a segment. */
  #writeAhead(): void {
    const { waiting } = this.#queue
    while (waiting.length > 1 && !waiting[0]?.beginsSegment && !this.#active.mayHaveZeros) {
      if (!this.#writeNext()) return
    }
  }

  #writeZeros(): void {
    if (!this.#fsyncs || !isOneFrame(this.#written)) return
    try {
      this.#active.writeAhead()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Begins the segment of this group, or cuts the zeros of the one there is. False: nothing that waits will be written. */
  async #prepare(group?: WriteGroup): Promise<boolean> {
    let ready: Promise<void>
    try {
      ready = group ? this.#active.begin(group.before.offset) : this.#active.cut()
    } catch (error) {
      this.#refuse(error)
      return false
    }
    try {
      await ready
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  /** False: it could not be written, and nothing that waits will be. */
  #writeNext(): boolean {
    const group = this.#queue.next()
    let refusal: unknown
    try {
      refusal = this.#active.append(group)
    } catch (error) {
      this.#fail(error)
      return false
    }
    if (refusal !== undefined) {
      this.#refuse(refusal)
      return false
    }
    this.#queue.shift()
    this.#written.push(group)
    group.drop()
    if (this.#refusing) this.#world.report({ kind: overOf[this.#refusing], log: this.#log.key })
    this.#refusing = undefined
    return true
  }

  /** False: nobody knows what the disk holds. */
  async #sync(groups: WriteGroup[]): Promise<boolean> {
    const [first] = groups
    if (!first || !this.#fsyncs) return true
    this.#syncing = true
    try {
      await this.#active.sync()
      if (first.beginsSegment) await this.syncFolders()
      return true
    } catch (error) {
      this.#written.unshift(...groups)
      this.#fail(error)
      return false
    } finally {
      this.#syncing = false
    }
  }

  /** Makes the names of this log's files last. */
  async syncFolders(): Promise<void> {
    await this.#names.sync()
  }

  #publish(groups: WriteGroup[]): void {
    const { segment } = this.#active
    if (groups.length === 0 || !segment) return
    if (segment !== this.#log.segments.at(-1)) this.#log.segments.push(segment)
    for (const group of groups) {
      for (const frame of group.frames) segment.extend(frame)
      this.#queue.settle(group)
    }
    if (this.#fsyncs) saveIndexNowAndThen(this.#world.disk, segment, this.#log.firstChain)
    this.#log.committed()
  }

  /** What waits is not on the disk: refuses all of it, as each was made to follow the one before; then goes on. */
  #refuse(error: unknown): void {
    const { key } = this.#log
    const kind = isFull(error) ? 'full' : 'unwritable'
    const message = `${key} cannot be written: ${messageOf(error)}`
    if (!(error instanceof ReeveError)) {
      if (kind !== this.#refusing) this.#world.report({ kind, log: key, message })
      this.#refusing = kind
    }
    const groups = this.#queue.takeBack()
    this.#queue.reject(groups, reeveError(error, kind === 'full' ? 'DISK_FULL' : 'DISK_FAILED', message))
  }

  #fail(error: unknown): void {
    const { key } = this.#log
    const message = `${key} failed: ${messageOf(error)}`
    this.#failed = true
    this.#failure = reeveError(error, 'LOG_FAILED', `${message}; it takes no more in this run`)
    this.#world.report({ kind: 'failed', log: key, message })
    const groups = [...this.#written.splice(0), ...this.#queue.clear()]
    this.#queue.reject(groups, reeveError(error, 'DISK_FAILED', message))
  }
}

const overOf = { full: 'fullOver', unwritable: 'writable' } as const
