/**
 * Reads all logs of a topic as one: per-log order always, and between logs turn by turn, so that a long log cannot hide
 * a short one.
 *
 * Owns: the position in each log, and which logs have something to read.
 * Never: polls (commits say what moved), reads ahead of what is asked for, holds record bytes between two calls.
 */

import { ReeveError } from '../errors.ts'
import { sliceBatch } from '../log/batch.ts'
import { framesIn, type ProducerMark } from '../log/frame.ts'
import type { Journal, LogView } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import type { Commits } from './commits.ts'
import type { CursorPosition } from './cursor.ts'
import { encodeCursor } from './cursor.ts'
import type { DeliveredRun, DeliveryOrigin } from './delivery.ts'
import { deliveredBytes, deliveryOrigin } from './delivery.ts'

/** What one log may read before the next one has its turn. */
const turnBytes = 64 * 1024
/** Read for each record that is wanted: enough for a usual one and its frame. Where it is not, another turn follows. */
const bytesARecord = 1024

export interface ReaderOptions {
  readonly journal: Journal
  readonly commits: Commits
  readonly topic: string
  /** Only logs of this node; undefined: all. */
  readonly origin: string | undefined
  /** From a cursor, by log key. Overrides `startAt`; logs it does not name are read from their start. */
  readonly positions: ReadonlyMap<string, CursorPosition> | undefined
  readonly startAt: 'start' | 'end'
  /** There is something to read, or the node caught up with the cursor. Called soon after the commit, never within. */
  readonly woken: () => void
}

export interface Round {
  readonly runs: readonly DeliveredRun[]
  readonly records: number
}

/** The position in one log. `log` is undefined while this node does not hold it. */
interface Track {
  readonly id: LogId
  readonly from: DeliveryOrigin
  offset: number
  log: LogView | undefined
  ready: boolean
}

export class TopicReader {
  readonly #options: ReaderOptions
  readonly #tracks = new Map<string, Track>()
  /** Tracks with something to read, in the order of their turns. */
  readonly #ready: Track[] = []
  /** Tracks whose log does not reach their offset here. */
  readonly #behind = new Set<Track>()
  readonly #unsubscribe: () => void
  #failure: ReeveError | undefined
  #closed = false

  constructor(options: ReaderOptions) {
    this.#options = options
    for (const [key, { id, offset }] of options.positions ?? []) this.#track(key, id, offset)
    const startAt = options.positions ? 'start' : options.startAt
    for (const log of options.journal.topicLogs(options.topic)) this.#moved(log, startAt)
    this.#unsubscribe = options.commits.on(options.topic, (log) => {
      if (this.#moved(log, 'start')) this.#wake()
    })
  }

  /** Whether `next` has something to give, or to throw. */
  get ready(): boolean {
    return this.#ready.length > 0 || this.#failure !== undefined
  }

  /** Whether this node is not yet where the cursor stands. */
  get behind(): boolean {
    return this.#behind.size > 0
  }

  /** Nothing more is here to read now, and nothing is missing that the cursor has seen elsewhere. */
  get atEnd(): boolean {
    return !this.ready && !this.behind
  }

  /**
   * What comes next. At least one record when there is one; beyond that no more than `maxBytes` in the answer. Throws
   * `OFFSET_TRIMMED`, `DATA_CORRUPT` or what else reading may meet, with the log in its facts, after what lay before.
   */
  next(maxBytes: number, maxRecords: number): Round {
    if (this.#failure) throw this.#failure
    const runs: DeliveredRun[] = []
    let bytes = 0
    let records = 0
    while (bytes < maxBytes && records < maxRecords) {
      const track = this.#ready[0]
      if (!track) break
      let full = false
      try {
        const wantedBytes = Math.min(turnBytes, maxBytes - bytes, bytesARecord * (maxRecords - records))
        for (const frame of framesIn(this.#read(track, wantedBytes))) {
          if (records === maxRecords) break
          const skip = track.offset - frame.baseOffset
          const take = Math.min(frame.recordCount - skip, maxRecords - records)
          const batch = take === frame.recordCount ? frame.body : sliceBatch(frame.body, skip, take)
          const { timestamp, producer } = frame
          const run = { from: track.from, baseOffset: track.offset, timestamp, batch, producer: later(producer, skip) }
          const size = deliveredBytes(run)
          full = runs.length > 0 && bytes + size > maxBytes
          if (full) break
          runs.push(run)
          bytes += size
          records += take
          track.offset += take
        }
      } catch (error) {
        this.#failure = located(error, track)
        break
      }
      // A log whose next frame did not fit keeps its turn: else small ones would always be served before it.
      if (!full) this.#nextTurn()
      else break
    }
    if (this.#failure && runs.length === 0) throw this.#failure
    return { runs, records }
  }

  /** Stands behind the last record given. */
  cursor(): Uint8Array {
    return encodeCursor(this.#options.topic, this.#tracks.values())
  }

  close(): void {
    this.#closed = true
    this.#unsubscribe()
  }

  #read(track: Track, maxBytes: number): Uint8Array {
    return track.log ? track.log.read(track.offset, maxBytes) : nothing
  }

  #nextTurn(): void {
    const track = this.#ready.shift() as Track
    track.ready = track.offset < (track.log?.end ?? 0)
    if (track.ready) this.#ready.push(track)
  }

  /** True when there is something to read that was not there before, or this log has caught up with the cursor. */
  #moved(log: LogView, startAt: 'start' | 'end'): boolean {
    let track = this.#tracks.get(log.key)
    if (!track) {
      if (!this.#wanted(log.id)) return false
      track = this.#track(log.key, log.id, startAt === 'end' ? log.end : log.start)
    }
    track.log = log
    const caughtUp = log.end >= track.offset && this.#behind.delete(track)
    if (track.ready || !this.#wanted(log.id) || track.offset >= log.end) return caughtUp
    track.ready = true
    this.#ready.push(track)
    return true
  }

  #track(key: string, id: LogId, offset: number): Track {
    const track: Track = { id, from: deliveryOrigin(id.origin, id.epoch), offset, log: undefined, ready: false }
    this.#tracks.set(key, track)
    if (offset > 0 && this.#wanted(id)) this.#behind.add(track)
    return track
  }

  #wanted(id: LogId): boolean {
    return this.#options.origin === undefined || this.#options.origin === id.origin
  }

  /** After the journal's own work, and after all commits of this turn of the event loop. */
  #wake(): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#options.woken()
    })
  }
}

const nothing = new Uint8Array(0)

/** The mark of the record `skip` further on. */
function later(mark: ProducerMark | undefined, skip: number): ProducerMark | undefined {
  return mark && skip > 0 ? { id: mark.id, sequence: mark.sequence + skip } : mark
}

function located(error: unknown, track: Track): ReeveError {
  if (!(error instanceof ReeveError)) return new ReeveError('INTERNAL', 'a log could not be read', { cause: error })
  const { topic, origin, epoch } = track.id
  return new ReeveError(error.code, error.message, {
    facts: { ...error.facts, topic, origin, epoch, offset: String(track.offset) },
    cause: error,
  })
}
