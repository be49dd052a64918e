/**
 * User events and queries on their way through: which ones we have seen, so that each is told and passed on once, and
 * the recent events, which members hand to each other when they exchange their state.
 */

import { sameBytes } from './bytes.ts'
import type { ToldEvent } from './effects.ts'
import { LamportClock } from './lamport.ts'
import { type Query, QueryFlag, type SerfPushPull } from './messages.ts'

/** Serf's EventBuffer and QueryBuffer: how far back, in Lamport time, a message may be news. */
const bufferSize = 512n
/** Of the events of one Lamport time: bounds the buffer at 8 MiB. Serf's own hard limit for one event is 9 KiB. */
const maxSlotBytes = 16_384
/** Different queries of one Lamport time. */
const maxSlotQueries = 256

interface EventSlot {
  readonly lTime: bigint
  readonly events: { name: string; payload: Uint8Array }[]
  bytes: number
}

export class Rumours {
  readonly eventClock = new LamportClock()
  readonly queryClock = new LamportClock()
  readonly #tell: (event: ToldEvent) => void
  readonly #events = new Map<bigint, EventSlot>()
  readonly #queries = new Map<bigint, { readonly lTime: bigint; readonly ids: Set<number> }>()
  /** What is older is not news to us. */
  #eventMinTime = 0n
  #queryMinTime = 0n

  constructor(tell: (event: ToldEvent) => void) {
    this.#tell = tell
  }

  /** From now on events and queries before these times are passed over, as if we had heard them. */
  ignoreBefore({ events = 0n, queries = 0n }: { events?: bigint; queries?: bigint }): void {
    if (events > this.#eventMinTime) this.#eventMinTime = events
    if (queries > this.#queryMinTime) this.#queryMinTime = queries
  }

  /** Whether it is news; then it was told, and is to be passed on. */
  hearEvent(event: ToldEvent): boolean {
    const { lTime, name, payload } = event
    if (!this.eventClock.credible(lTime)) return false
    this.eventClock.witness(lTime)
    if (lTime < this.#eventMinTime || isOld(lTime, this.eventClock)) return false
    let slot = this.#events.get(lTime % bufferSize)
    if (slot?.lTime !== lTime) {
      slot = { lTime, events: [], bytes: 0 }
      this.#events.set(lTime % bufferSize, slot)
    }
    if (slot.events.some((event) => event.name === name && sameBytes(event.payload, payload))) return false
    const bytes = name.length + payload.length + 64
    if (slot.bytes + bytes > maxSlotBytes) return false
    slot.bytes += bytes
    slot.events.push({ name, payload })
    this.#tell(event)
    return true
  }

  /** Whether it is news. */
  hearQuery({ lTime, id }: Query): boolean {
    if (!this.queryClock.credible(lTime)) return false
    this.queryClock.witness(lTime)
    if (lTime < this.#queryMinTime || isOld(lTime, this.queryClock)) return false
    let slot = this.#queries.get(lTime % bufferSize)
    if (slot?.lTime !== lTime) {
      slot = { lTime, ids: new Set() }
      this.#queries.set(lTime % bufferSize, slot)
    }
    if (slot.ids.has(id) || slot.ids.size >= maxSlotQueries) return false
    slot.ids.add(id)
    return true
  }

  /** What another member has seen; none of it is passed on. `ignoreOld`: nor told, and its like never will be. */
  merge({ eventLTime, queryLTime, events }: SerfPushPull, ignoreOld = false): void {
    catchUp(this.eventClock, eventLTime)
    catchUp(this.queryClock, queryLTime)
    if (ignoreOld && this.eventClock.credible(eventLTime)) this.ignoreBefore({ events: eventLTime })
    for (const { lTime, events: sameTime } of events) {
      // An exchange does not say which events may be coalesced.
      for (const event of sameTime) this.hearEvent({ lTime, ...event, coalesce: false })
    }
  }

  /** The recent events and the clocks, for an exchange of state. */
  state(): Pick<SerfPushPull, 'eventLTime' | 'events' | 'queryLTime'> {
    return {
      eventLTime: this.eventClock.time(),
      events: Array.from(this.#events.values(), ({ lTime, events }) => ({ lTime, events })),
      queryLTime: this.queryClock.time(),
    }
  }
}

/** A clock stands one past the last message, so the one before it was seen. */
function catchUp(clock: LamportClock, lTime: bigint): void {
  if (lTime > 0n && clock.credible(lTime)) clock.witness(lTime - 1n)
}

/**
 * Whether a query may go on to others. Two kinds end the process of every Go member that they reach; no honest member
 * sends them.
 */
export function mayPassOn({ flags, filters, name, payload }: Query): boolean {
  if ((flags & QueryFlag.noBroadcast) !== 0 || filters.some((filter) => filter.length === 0)) return false
  return payload.length > 0 || !/^_serf_(install|use|remove)-key$/.test(name)
}

function isOld(lTime: bigint, clock: LamportClock): boolean {
  return lTime + bufferSize < clock.time()
}
