/** A binary heap of what will happen: earliest first, and of one instant in the order it was asked for. */

import type { EventKind } from './trace.ts'

/** Whose event it is. A throw out of an event is told to its owner; `undefined` is the world itself. */
export interface EventOwner {
  /** 1 for the first host, 2 for the second …; goes into the trace. */
  readonly index: number
  failed(error: unknown): void
}

export interface SimulatedEvent {
  /** With the sequence, its place among all; changed by the timeline alone, while it is in no heap. */
  atUs: number
  sequence: number
  readonly owner: EventOwner | undefined
  readonly kind: EventKind
  readonly tag: number
  readonly run: () => void
  /** Place in the heap; -1 once it ran or was cancelled. */
  place: number
}

export class EventHeap {
  #events: SimulatedEvent[] = []

  get size(): number {
    return this.#events.length
  }

  first(): SimulatedEvent | undefined {
    return this.#events[0]
  }

  push(event: SimulatedEvent): void {
    this.#events.push(event)
    this.#rise(event, this.#events.length - 1)
  }

  pop(): SimulatedEvent | undefined {
    const event = this.#events[0]
    if (event !== undefined) this.remove(event)
    return event
  }

  /** O(log n). An event that is not here any more is let be. */
  remove(event: SimulatedEvent): void {
    const place = event.place
    if (place < 0 || this.#events[place] !== event) return
    event.place = -1
    const last = this.#events.pop()!
    if (last === event) return
    const parent = this.#events[(place - 1) >> 1]
    if (place > 0 && parent !== undefined && isBefore(last, parent)) this.#rise(last, place)
    else this.#sink(last, place)
  }

  /** All events of one owner at once: O(n). */
  removeOwner(owner: EventOwner): void {
    const kept: SimulatedEvent[] = []
    for (const event of this.#events) {
      if (event.owner === owner) event.place = -1
      else kept.push(event)
    }
    // A sorted array is a heap.
    kept.sort((one, other) => (isBefore(one, other) ? -1 : 1))
    for (const [place, event] of kept.entries()) event.place = place
    this.#events = kept
  }

  /** Soonest first. */
  ownedBy(owner: EventOwner): SimulatedEvent[] {
    return this.#events.filter((event) => event.owner === owner).sort((one, other) => (isBefore(one, other) ? -1 : 1))
  }

  #rise(event: SimulatedEvent, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#events[above]!
      if (!isBefore(event, parent)) break
      this.#events[place] = parent
      parent.place = place
      place = above
    }
    this.#events[place] = event
    event.place = place
  }

  #sink(event: SimulatedEvent, from: number): void {
    const count = this.#events.length
    let place = from
    for (;;) {
      let below = place * 2 + 1
      if (below >= count) break
      if (below + 1 < count && isBefore(this.#events[below + 1]!, this.#events[below]!)) below++
      const child = this.#events[below]!
      if (!isBefore(child, event)) break
      this.#events[place] = child
      child.place = place
      place = below
    }
    this.#events[place] = event
    event.place = place
  }
}

function isBefore(one: SimulatedEvent, other: SimulatedEvent): boolean {
  return one.atUs < other.atUs || (one.atUs === other.atUs && one.sequence < other.sequence)
}
