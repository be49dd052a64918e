/**
 * Virtual time: takes the next event, jumps to its instant, runs it, lets every promise it settled run to rest, takes
 * the next. Owns the order of everything that happens in a world; never waits for anything real.
 *
 * Promises come to rest because every event runs in a macrotask of its own: Node empties the microtask queue between
 * two callbacks of `setImmediate`. Turns are asked for in batches, for Node drains microtasks between callbacks of one
 * batch too; 64 at a time cost an eighth of one by one (0.25 against 2 µs a turn). Events of one instant are not put
 * into one turn: the promises of the first must rest before the second, as they would with real sockets.
 */

import { EventHeap, type EventOwner, type SimulatedEvent } from './event-heap.ts'
import type { EventKind, Trace } from './trace.ts'

const turnsAtOnce = 64
/** More events than this with time standing still is a loop in the code above. */
const maxEventsOfOneInstant = 100_000

export interface Horizon {
  /** The last instant to run; events after it stay. */
  readonly untilUs: number
  /** Looked at before each event, when all promises rest. */
  readonly until?: () => boolean
}

export class Timeline {
  /** Microseconds since the world began; a whole number, so that sums are exact. */
  nowUs = 0
  readonly #trace: Trace
  readonly #rested: (() => void) | undefined
  readonly #heap = new EventHeap()
  /** Events of owners that stand still. */
  readonly #suspended = new Map<EventOwner, Set<SimulatedEvent>>()
  #sequence = 0
  #standing = 0
  #running = false

  /** `rested` is called before each event, when all promises rest; it must change nothing. */
  constructor(trace: Trace, rested?: () => void) {
    this.#trace = trace
    this.#rested = rested
  }

  schedule(
    owner: EventOwner | undefined,
    kind: EventKind,
    delayUs: number,
    run: () => void,
    tag: number,
  ): SimulatedEvent {
    const atUs = this.nowUs + Math.max(0, Math.ceil(delayUs))
    const event: SimulatedEvent = { atUs, sequence: this.#sequence++, owner, kind, tag, run, place: -1 }
    const waiting = this.#suspendedOf(owner)
    if (waiting === undefined) this.#heap.push(event)
    else waiting.add(event)
    return event
  }

  cancel(event: SimulatedEvent | undefined): void {
    if (event === undefined) return
    if (event.place >= 0) this.#heap.remove(event)
    else this.#suspendedOf(event.owner)?.delete(event)
  }

  cancelAll(owner: EventOwner): void {
    this.#heap.removeOwner(owner)
    this.#suspended.delete(owner)
  }

  /** Soonest first. */
  pending(owner: EventOwner): SimulatedEvent[] {
    return [...(this.#suspendedOf(owner) ?? this.#heap.ownedBy(owner))].sort((one, other) => one.atUs - other.atUs)
  }

  /** No event of this owner runs until it is resumed. */
  suspend(owner: EventOwner): void {
    if (this.#suspended.has(owner)) return
    const waiting = this.#heap.ownedBy(owner)
    this.#heap.removeOwner(owner)
    this.#suspended.set(owner, new Set(waiting))
  }

  /** What fell due meanwhile runs now, in the order in which it fell due. */
  resume(owner: EventOwner): void {
    const waiting = this.pending(owner)
    this.#suspended.delete(owner)
    for (const event of waiting) {
      event.atUs = Math.max(event.atUs, this.nowUs)
      event.sequence = this.#sequence++
      this.#heap.push(event)
    }
  }

  #suspendedOf(owner: EventOwner | undefined): Set<SimulatedEvent> | undefined {
    return this.#suspended.size === 0 || owner === undefined ? undefined : this.#suspended.get(owner)
  }

  /**
   * Runs events up to the horizon. True: `until` held, or there was none. False: time ran out or nothing is left that
   * could happen. Rejects with what an event threw that nobody owns.
   */
  run(horizon: Horizon): Promise<boolean> {
    if (this.#running) throw new Error('the world is running already')
    this.#running = true
    return new Promise((resolve, reject) => {
      // Turns that were asked for and are not needed any more find their own run over, whatever runs by then.
      let over = false
      const stop = (): void => {
        over = true
        this.#running = false
      }
      const turn = (): void => {
        if (over) return
        try {
          const outcome = this.#turn(horizon)
          if (outcome === undefined) return
          stop()
          resolve(outcome)
        } catch (error) {
          stop()
          reject(error)
        }
      }
      const askForTurns = (): void => {
        if (over) return
        // biome-ignore lint/style/noRestrictedGlobals: a real turn of the event loop is what lets all promises come to rest
        for (let count = 0; count < turnsAtOnce; count++) setImmediate(turn)
        // biome-ignore lint/style/noRestrictedGlobals: as above
        setImmediate(askForTurns)
      }
      askForTurns()
    })
  }

  #turn(horizon: Horizon): boolean | undefined {
    this.#rested?.()
    if (horizon.until?.() === true) return true
    const event = this.#heap.first()
    if (event === undefined || event.atUs > horizon.untilUs) {
      if (Number.isFinite(horizon.untilUs)) this.nowUs = Math.max(this.nowUs, horizon.untilUs)
      return horizon.until === undefined
    }
    this.#heap.pop()
    this.#standing = event.atUs === this.nowUs ? this.#standing + 1 : 0
    if (this.#standing > maxEventsOfOneInstant) throw new Error(`time stands still: ${event.kind} again and again`)
    this.nowUs = event.atUs
    this.#trace.event(event.atUs, event.kind, event.owner?.index ?? 0, event.tag)
    try {
      event.run()
    } catch (error) {
      if (event.owner === undefined) throw error
      event.owner.failed(error)
    }
    return undefined
  }
}
