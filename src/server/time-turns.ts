/**
 * Turns by the timestamps of the frames, each log in its own order; of equal timestamps the origin that sorts first,
 * then the epoch, so that nodes that hold the same give the same.
 *
 * Holds what was read of a log and was not its turn yet, within a limit for all logs together; beyond it only the
 * timestamps, and reads again.
 */

import { type Frame, frameAt } from '../log/frame.ts'
import { fetchTrack, type Track } from './track.ts'
import type { Turns } from './turns.ts'
import { Unreadable } from './unreadable.ts'

/** Read at once of one log; with many logs less, so that what is read ahead fits the limit. */
const aheadMaxBytes = 64 * 1024
const aheadMinBytes = 4 * 1024
/** Of all logs together. */
const keptMaxBytes = 1024 * 1024
/** Logs whose first frame is looked at before others have their turn on the event loop. */
const looksMax = 16

interface Entry {
  readonly track: Track
  /** Of the frame that the track stands in. */
  timestamp: bigint
  /** What was read ahead, the frame in it that was looked at last, and where that one ends. */
  ahead: Uint8Array
  frame: Frame | undefined
  frameEnd: number
}

export class TimeTurns implements Turns {
  readonly unreadable = new Unreadable()
  readonly #heap: Entry[] = []
  /** Their first frames are not known. */
  #fresh: Track[] = []
  #keptBytes = 0
  readonly #woken: () => void
  #fetches = 0

  constructor(woken: () => void) {
    this.#woken = woken
  }

  /** Nobody has a turn while it is not known whose it is. */
  get size(): number {
    return this.fetching ? 0 : this.#heap.length + this.#fresh.length
  }

  get fetching(): boolean {
    return this.#fetches > 0
  }

  add(track: Track): void {
    this.#fresh.push(track)
  }

  /** What was read ahead stays. */
  begin(): void {}

  settle(): boolean {
    for (let looks = 0; looks < looksMax; looks++) {
      const track = this.#fresh.at(-1)
      if (!track) return !this.fetching
      const fetched = fetchTrack(track)
      if (fetched) {
        this.#fresh.pop()
        this.#fetches++
        void fetched.then(() => this.#fetched(track))
        continue
      }
      const entry: Entry = { track, timestamp: 0n, ahead: nothing, frame: undefined, frameEnd: 0 }
      const found = this.#look(entry)
      this.#fresh.pop()
      if (found) this.#push(entry)
      else track.ready = false
    }
    return this.#fresh.length === 0 && !this.fetching
  }

  head(): Track | undefined {
    return this.#heap[0]?.track
  }

  *frames(_head: Track, wantedBytes: number): Generator<Frame> {
    const entry = this.#heap[0] as Entry
    const rival = this.#rival()
    // Alone, there is no sense in small bites.
    const biteBytes = rival ? this.#share() : wantedBytes
    for (let bytes = 0; bytes < wantedBytes; ) {
      // Between two bites the track goes the way of all that may have to be fetched.
      if (bytes > 0 && this.#mustRead(entry)) return
      const frame = this.#first(entry, biteBytes)
      if (!frame || (rival && !before(entry, rival))) return
      const { offset } = entry.track
      yield frame
      if (entry.track.offset === offset) return
      bytes += frame.bytes.length
    }
  }

  pass(): void {
    const entry = this.#heap[0] as Entry
    const { track } = entry
    track.ready = track.offset < (track.log?.end ?? 0) && !this.unreadable.has(track)
    const due = track.ready && this.#mustRead(entry) && track.fetchedBytes <= 0
    if (due || !track.ready || !this.#look(entry)) {
      // What may have to be fetched is looked at when the turns are settled.
      if (due) this.#fresh.push(track)
      else track.ready = false
      this.#keep(entry, nothing)
      const last = this.#heap.pop() as Entry
      if (this.#heap.length === 0) return
      if (last !== entry) this.#heap[0] = last
    }
    this.#sink()
  }

  /** The frame that the track stands in; undefined at its end, and where it cannot be read. */
  #first(entry: Entry, biteBytes: number): Frame | undefined {
    const { track } = entry
    for (;;) {
      const { frame } = entry
      if (frame && track.offset < frame.baseOffset + frame.recordCount) return frame
      if (entry.frameEnd === entry.ahead.length) {
        this.#keep(entry, this.unreadable.read(track, biteBytes))
        if (entry.ahead.length === 0) return undefined
      }
      const next = frameAt(entry.ahead, entry.frameEnd)
      entry.frame = next
      entry.frameEnd += next.bytes.length
      entry.timestamp = next.timestamp
    }
  }

  /** Nothing that was read ahead holds the track's offset. */
  #mustRead({ ahead, frame, frameEnd, track }: Entry): boolean {
    if (frame && track.offset < frame.baseOffset + frame.recordCount) return false
    return frameEnd === ahead.length
  }

  #fetched(track: Track): void {
    this.#fetches--
    this.#fresh.push(track)
    this.#woken()
  }

  /** Learns the timestamp of the frame that comes next; false at the end. */
  #look(entry: Entry): boolean {
    const found = this.#first(entry, this.#share()) !== undefined
    if (this.#keptBytes > keptMaxBytes) this.#keep(entry, nothing)
    return found
  }

  #share(): number {
    return Math.max(aheadMinBytes, Math.min(aheadMaxBytes, Math.floor(keptMaxBytes / this.size)))
  }

  #keep(entry: Entry, ahead: Uint8Array): void {
    this.#keptBytes += ahead.length - entry.ahead.length
    entry.ahead = ahead
    entry.frame = undefined
    entry.frameEnd = 0
  }

  /** Whoever is next after the head. */
  #rival(): Entry | undefined {
    const [, left, right] = this.#heap
    return left && right && before(right, left) ? right : left
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    for (; at > 0; at = (at - 1) >>> 1) {
      const parent = heap[(at - 1) >>> 1] as Entry
      if (!before(entry, parent)) break
      heap[at] = parent
    }
    heap[at] = entry
  }

  /** Puts the head where it belongs. */
  #sink(): void {
    const heap = this.#heap
    const entry = heap[0] as Entry
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!before(heap[child] as Entry, entry)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = entry
  }
}

const nothing = new Uint8Array(0)

function before(a: Entry, b: Entry): boolean {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp
  const { id } = a.track
  const other = b.track.id
  return id.origin === other.origin ? id.epoch < other.epoch : id.origin < other.origin
}
