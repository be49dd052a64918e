/** In which order the logs of a reading have their turns. */

import { type Frame, framesIn } from '../log/frame.ts'
import { ReusedMemory } from '../log/memory.ts'
import { fetchTrack, type Track } from './track.ts'
import { Unreadable } from './unreadable.ts'

/** Of the tracks that have something to read. */
export interface Turns {
  readonly size: number
  /** Some are not among them, for what comes next of them is being fetched from a slow device; `woken` tells when it is there. */
  readonly fetching: boolean
  /** What cannot be read is not among them. */
  readonly unreadable: Unreadable
  add(track: Track): void
  /** Frames of the round before are not looked at any more. */
  begin(): void
  /**
   * False: who comes first is not known yet, for there is much to look at; ask again in another turn of the event loop, or
   * once woken.
   */
  settle(): boolean
  /** Whose turn it is, once settled. */
  head(): Track | undefined
  /**
   * The head's frames that belong to this turn, from where it stands. About as many as are wanted are read at once; the
   * track moves on while they are taken.
   */
  frames(head: Track, wantedBytes: number): Iterable<Frame>
  /** Ends the head's turn. */
  pass(): void
}

/** What one log may read before the next one has its turn. */
const turnBytes = 64 * 1024

/**
 * Of all readings, one after the other: what one round of one reading reads, which is in an answer before there is another.
 * Fits what a round reads at most, but for batches that are very large.
 */
const roundMemory = new ReusedMemory(2 * 1024 * 1024)

/** Round and round, so that a long log cannot hide a short one. Holds no bytes between two rounds. */
export class RoundRobin implements Turns {
  readonly unreadable = new Unreadable()
  readonly #queue: Track[] = []
  readonly #woken: () => void
  #fetches = 0

  constructor(woken: () => void) {
    this.#woken = woken
  }

  get size(): number {
    return this.#queue.length
  }

  get fetching(): boolean {
    return this.#fetches > 0
  }

  add(track: Track): void {
    this.#queue.push(track)
  }

  begin(): void {
    roundMemory.again()
  }

  settle(): boolean {
    for (let track = this.#queue[0]; track; track = this.#queue[0]) {
      const fetched = fetchTrack(track)
      if (!fetched) break
      this.#queue.shift()
      this.#fetches++
      void fetched.then(() => this.#fetched(track))
    }
    return true
  }

  head(): Track | undefined {
    return this.#queue[0]
  }

  frames(head: Track, wantedBytes: number): Iterable<Frame> {
    const alone = this.#queue.length === 1
    const bytes = Math.max(alone ? wantedBytes : Math.min(turnBytes, wantedBytes), head.frameBytes)
    return framesIn(this.unreadable.read(head, bytes, roundMemory))
  }

  pass(): void {
    const track = this.#queue.shift() as Track
    track.ready = track.offset < (track.log?.end ?? 0) && !this.unreadable.has(track)
    if (track.ready) this.#queue.push(track)
  }

  #fetched(track: Track): void {
    this.#fetches--
    this.#queue.push(track)
    this.#woken()
  }
}
