/**
 * Notices that we did not run for a while: the event loop was busy, or the process was stopped. What the others did
 * meanwhile waits unread, so that by our clock everybody seems to be silent. Such time does not count: everything
 * planned (but gossip) moves by as much, behind what waits; suspects get longer to refute; and our own health score says how slow we
 * are, so that for a while we also wait longer for answers. Nothing of this can be seen on the wire.
 */

import type { Agenda } from './agenda.ts'
import type { Awareness } from './awareness.ts'
import type { Prober } from './probe.ts'
import type { Profile } from './profile.ts'
import type { Swim } from './swim.ts'

/** Time to read what waits: a full socket buffer takes several turns of Node's event loop, of 32 packets each. */
const readingMs = 50

export interface StallsParts {
  readonly profile: Profile
  readonly agenda: Agenda
  readonly awareness: Awareness
  readonly prober: Prober
  readonly swim: Swim
}

export class Stalls {
  /** How often and how long it was, as far as we know. */
  count = 0
  totalMs = 0
  readonly #parts: StallsParts
  #reading = false

  constructor(parts: StallsParts) {
    this.#parts = parts
  }

  /** To be called first, whenever we run. */
  notice(nowMs: number): void {
    const { profile, agenda, awareness, prober, swim } = this.#parts
    // At least this long: before that we had nothing planned, and cannot know whether we would have run.
    const lateMs = nowMs - agenda.nextMs
    if (lateMs < profile.stallMs || this.#reading) return
    this.#reading = true
    this.count += 1
    this.totalMs += lateMs
    // As much as if that many probes in a row had failed through our own fault.
    awareness.add(Math.round(lateMs / profile.probeTimeoutMs))
    agenda.postpone(lateMs + readingMs)
    swim.extendSuspicions(lateMs + readingMs)
    prober.interrupted(nowMs + readingMs)
  }

  /** What was due is done. Until then no time is given again: where every turn is a slow one we must get on, too. */
  done(): void {
    this.#reading = false
  }
}
