/**
 * Reads all logs of a topic as one: per-log order always, and between logs turn by turn or by time.
 *
 * Owns: the position in each log, and which logs have something to read.
 * Never: polls (commits say what moved), reads much more than is asked for, looks through more than a burst of what is
 * not wanted before others have their turn on the event loop.
 */

import type { Declarations } from '../catalog/declarations.ts'
import { expand } from '../catalog/folding.ts'
import { type Fold, nowhere, type Place } from '../catalog/place.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import type { Frame, ProducerMark } from '../log/frame.ts'
import type { Journal, LogView } from '../log/journal.ts'
import type { KeyFilter } from '../log/key-filter.ts'
import type { LogId } from '../log/log-id.ts'
import { select } from '../log/select.ts'
import type { Commits } from './commits.ts'
import type { DeliveredRun } from './delivery.ts'
import { deliveredBytes, deliveryOrigin } from './delivery.ts'
import { Standing } from './standing.ts'
import { TimeTurns } from './time-turns.ts'
import type { Track } from './track.ts'
import { RoundRobin, type Turns } from './turns.ts'

/** Read for each record that is wanted: enough for a usual one and its frame. Where it is not, another turn follows. */
const bytesARecord = 1024
/** What a reading with a filter looks through in one go. */
const searchMaxBytes = 1024 * 1024
const searchBiteBytes = 256 * 1024

/** Where to begin in logs that no cursor names. Logs that appear later are read from their start. */
export type Start =
  | { readonly at: 'start' }
  | { readonly at: 'end' }
  /** At the first batch whose timestamp is not before this: ms since 1970. */
  | { readonly at: 'time'; readonly timeMs: number }
  /** Of this log, and nothing of others: also where a cursor says how far it was read. `key`: of the log. */
  | { readonly at: 'offset'; readonly id: LogId; readonly key: string; readonly offset: number }

export interface ReaderOptions {
  readonly journal: Journal
  readonly commits: Commits
  readonly declarations: Declarations
  readonly topic: string
  /** Only logs of this node; undefined: all. */
  readonly origin: string | undefined
  /** From a cursor. Overrides `start`; logs it does not name are read from their start. */
  readonly place: Place | undefined
  readonly start: Start
  readonly order: 'arrival' | 'timestamp'
  readonly filter: KeyFilter | undefined
  /** There is something to read, or the node caught up with the cursor. Called soon after the commit, never within. */
  readonly woken: () => void
}

export interface Limits {
  /** Of the answer. A first batch that is larger is delivered all the same, up to `cutBytes`. */
  readonly maxBytes: number
  /** Of a first batch's records: it is cut between records, but for a single one that is larger. */
  readonly cutBytes: number
  readonly maxRecords: number
  /** All runs of one log. */
  readonly oneLog?: boolean
}

export interface Round {
  readonly runs: readonly DeliveredRun[]
  readonly records: number
  /** Of records, as they are stored. */
  readonly bytes: number
  /** Bytes that were read and looked through. */
  readonly searched: number
  /** With `oneLog`: that log, and a cursor as it was before, without its position. */
  readonly alone: { readonly track: Track; readonly others: Uint8Array } | undefined
}

export class TopicReader {
  readonly #options: ReaderOptions
  readonly #tracks = new Map<string, Track>()
  readonly #turns: Turns
  /** Tracks whose log does not reach their offset here. */
  readonly #behind = new Set<Track>()
  /** By origin: folds of the cursor that are not declared here yet. Nothing is certain of its logs until they are. */
  readonly #unknown = new Map<string, Fold[]>()
  readonly #standing: Standing
  readonly #unsubscribe: (() => void)[] = []
  #failure: ReeveError | undefined
  #closed = false

  /** Throws `DATA_CORRUPT` or `DISK_FAILED` where the start cannot be found. */
  constructor(options: ReaderOptions) {
    this.#options = options
    const woken = () => this.#wake()
    this.#turns = options.order === 'timestamp' ? new TimeTurns(woken) : new RoundRobin(woken)
    const { place, start, journal, commits, declarations, topic } = options
    const { positions, unknown } = expand(declarations, topic, place ?? nowhere)
    this.#standing = new Standing(topic, declarations, this.#tracks)
    for (const fold of unknown) this.#unknown.set(fold.origin, [...(this.#unknown.get(fold.origin) ?? []), fold])
    for (const [key, { id, offset }] of positions) this.#track(key, id, offset)
    if (start.at === 'offset' && !positions.has(start.key)) {
      const track = this.#track(start.key, start.id, start.offset)
      // Whoever names a log knows of it, also where it is not here yet.
      this.#behind.add(track)
    }
    for (const log of journal.topicLogs(topic)) this.#moved(log, place ? atStart : start)
    this.#unsubscribe.push(
      () => this.#standing.close(),
      commits.on(topic, (log) => {
        if (this.#moved(log, atStart)) this.#wake()
      }),
    )
    if (unknown.length > 0) this.#unsubscribe.push(declarations.onKnown((origin) => this.#declared(origin)))
  }

  /** Whether `next` has something to look at, or to throw. */
  get ready(): boolean {
    return this.#turns.size > 0 || this.#failure !== undefined || this.#unreadable !== undefined
  }

  /** There is more to read, but it has to come from a slow device first: `woken` tells when it is there. */
  get fetching(): boolean {
    return this.#turns.fetching
  }

  /** Whether this node is not yet where the cursor stands. */
  get behind(): boolean {
    return this.#behind.size > 0 || [...this.#unknown.keys()].some((origin) => this.#wantedOf(origin))
  }

  /** Nothing more is here to read now, and nothing is missing that the cursor has seen elsewhere. */
  get atEnd(): boolean {
    return !this.ready && !this.fetching && !this.behind
  }

  /**
   * What comes next, within the limits: at least one record when there is one, unless it takes longer to find than
   * others should wait; then `ready` says that there is more to look at. Valid until the next reading of anything.
   *
   * Throws what reading may meet, with the log in its facts: `OFFSET_TRIMMED` after what lay before, `DATA_CORRUPT` and
   * `DISK_FAILED` after what other logs have, too.
   */
  next(limits: Limits): Round {
    if (this.#failure) throw this.#failure
    const round = new Gathering(limits, this.#options.filter)
    this.#turns.begin()
    try {
      while (!round.full && this.#turns.settle()) {
        const track = this.#turns.head()
        if (!track) break
        // Before it moves: what it reaches in this round may be folded, but not for the messages on the way there.
        if (limits.oneLog) round.alone = { track, others: this.#standing.cursor(this.#unknownFolds(), track) }
        if (!this.#turn(track, round) || (limits.oneLog && round.runs.length > 0)) break
      }
      if (round.searched === 0 && this.#unreadable) throw this.#unreadable
    } catch (error) {
      this.#failure = toReeveError(error)
      if (round.runs.length === 0) throw this.#failure
    }
    return round
  }

  /** Stands behind the last record given. */
  cursor(): Uint8Array {
    return this.#standing.cursor(this.#unknownFolds())
  }

  close(): void {
    this.#closed = true
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
  }

  /**
   * False where the round is over: a log whose next batch did not fit, or not as a whole, keeps its turn, else small ones
   * would always be served before it.
   */
  #turn(track: Track, round: Gathering): boolean {
    const { offset } = track
    try {
      for (const frame of this.#turns.frames(track, round.wantedBytes)) {
        if (round.full) break
        if (!round.take(track, frame)) return false
      }
    } finally {
      this.#standing.moved(track)
    }
    if (track.offset === offset && !this.#turns.unreadable.has(track)) return false
    this.#turns.pass()
    return true
  }

  /** Why the rest cannot be read, once nothing else is left. */
  get #unreadable(): ReeveError | undefined {
    return this.#turns.size > 0 || this.#turns.fetching ? undefined : this.#turns.unreadable.error
  }

  #unknownFolds(): Fold[] {
    return [...this.#unknown.values()].flat()
  }

  /** True when there is something to read that was not there before, or this log has caught up with the cursor. */
  #moved(log: LogView, start: Start): boolean {
    let track = this.#tracks.get(log.key)
    if (!track) {
      if (!this.#wanted(log.id) || this.#unknown.has(log.id.origin)) return false
      track = this.#track(log.key, log.id, startIn(log, start))
    }
    track.log = log
    const caughtUp = log.end >= track.offset && this.#behind.delete(track)
    if (track.ready || !this.#wanted(log.id) || track.offset >= log.end) return caughtUp
    if (this.#unknown.has(log.id.origin)) return caughtUp
    track.ready = true
    this.#turns.add(track)
    return true
  }

  /** What the cursor says of this origin is known by now, or some of it. */
  #declared(origin: string): void {
    const folds = this.#unknown.get(origin)
    if (!folds) return
    const { journal, declarations, topic } = this.#options
    const { positions, unknown } = expand(declarations, topic, { positions: new Map(), folds })
    if (unknown.length > 0) return
    this.#unknown.delete(origin)
    for (const [key, { id, offset }] of positions) this.#raise(key, id, offset)
    for (const log of journal.topicLogs(topic)) if (log.id.origin === origin) this.#moved(log, atStart)
    this.#wake()
  }

  /** Nothing of it was read yet, for it was not certain. */
  #raise(key: string, id: LogId, offset: number): void {
    const track = this.#tracks.get(key)
    if (track && track.offset >= offset) return
    if (track) this.#behind.delete(track)
    this.#track(key, id, offset)
  }

  #track(key: string, id: LogId, offset: number): Track {
    const track: Track = {
      id,
      key,
      from: deliveryOrigin(id.origin, id.epoch),
      offset,
      log: undefined,
      ready: false,
      frameBytes: 0,
      fetchedBytes: 0,
    }
    this.#tracks.set(key, track)
    this.#standing.moved(track)
    if (offset > 0 && this.#wanted(id)) this.#behind.add(track)
    return track
  }

  #wanted(id: LogId): boolean {
    const { start } = this.#options
    return this.#wantedOf(id.origin) && !(start.at === 'offset' && start.id.epoch !== id.epoch)
  }

  /** Any log of this node. */
  #wantedOf(origin: string): boolean {
    return this.#options.origin === undefined || this.#options.origin === origin
  }

  /** After the journal's own work, and after all commits of this turn of the event loop. */
  #wake(): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#options.woken()
    })
  }
}

const atStart: Start = { at: 'start' }

function startIn(log: LogView, start: Start): number {
  if (start.at === 'end') return log.end
  return start.at === 'time' ? log.offsetAtTime(start.timeMs) : log.start
}

/** The mark of the record `skip` further on. */
function later(mark: ProducerMark | undefined, skip: number): ProducerMark | undefined {
  return mark && skip > 0 ? { id: mark.id, sequence: mark.sequence + skip } : mark
}

/** A round under way. */
class Gathering implements Round {
  readonly runs: DeliveredRun[] = []
  records = 0
  bytes = 0
  searched = 0
  alone: Round['alone']
  readonly #limits: Limits
  readonly #filter: KeyFilter | undefined
  /** In the answer, with what names them. */
  #answerBytes = 0

  constructor(limits: Limits, filter: KeyFilter | undefined) {
    this.#limits = limits
    this.#filter = filter
  }

  get full(): boolean {
    const { maxBytes, maxRecords } = this.#limits
    return this.#answerBytes >= maxBytes || this.records >= maxRecords || this.searched >= searchMaxBytes
  }

  get wantedBytes(): number {
    const { maxBytes, maxRecords } = this.#limits
    if (this.#filter) return searchBiteBytes
    return Math.min(maxBytes - this.#answerBytes, bytesARecord * (maxRecords - this.records))
  }

  /** Moves the track behind what it takes of the frame; false where it did not take all of it. */
  take(track: Track, frame: Frame): boolean {
    const { maxBytes, cutBytes, maxRecords } = this.#limits
    const first = this.runs.length === 0
    const selection = select(frame.body, frame.recordCount, track.offset - frame.baseOffset, {
      filter: this.#filter,
      maxRecords: maxRecords - this.records,
      maxBytes: first ? cutBytes : Number.MAX_SAFE_INTEGER,
    })
    if (selection.records > 0) {
      const { batch, first: at, deltas: offsetDeltas } = selection
      const run = {
        from: track.from,
        baseOffset: frame.baseOffset + at,
        timestamp: frame.timestamp,
        batch,
        offsetDeltas,
        producer: later(frame.producer, at),
        recordCount: selection.records,
      }
      const size = deliveredBytes(run)
      if (!first && this.#answerBytes + size > maxBytes) return false
      this.runs.push(run)
      this.#answerBytes += size
      this.records += selection.records
      this.bytes += batch.length
    }
    this.searched += frame.bytes.length
    track.frameBytes = frame.bytes.length
    track.offset = frame.baseOffset + selection.next
    return selection.next === frame.recordCount
  }
}
