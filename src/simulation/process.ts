/**
 * One run of one node: owns its events and knows what it holds open. Once dead it schedules nothing and its promises
 * never settle, so no line of a dead node's code runs again.
 */

import type { EventOwner, SimulatedEvent } from './event-heap.ts'
import type { Timeline } from './timeline.ts'
import type { EventKind } from './trace.ts'

const resourceKinds = ['sockets', 'listeners', 'streams', 'channels', 'calls', 'files', 'locks'] as const
export type ResourceKind = (typeof resourceKinds)[number]

/** What a process holds open, each as readable text; all lists are empty after an orderly stop. */
export type OpenResources = { readonly [kind in ResourceKind | 'timers']: readonly string[] }

/** `killed`: the machine lives and resets its connections. `silent`: the machine is gone and says nothing. */
export type Death = 'killed' | 'silent'

/** `stopped`: by a signal. `stalled`: its event loop is busy with one thing. */
export type Pause = 'stopped' | 'stalled'

interface Resource {
  readonly text: string
  readonly drop: () => void
}

export class Process implements EventOwner {
  /** Of its host. */
  readonly index: number
  readonly timeline: Timeline
  alive = true
  readonly #open = new Map<ResourceKind, Set<Resource>>(resourceKinds.map((kind) => [kind, new Set()]))
  readonly #pauses = new Set<Pause>()
  readonly #endings = new Set<(death: Death) => void>()
  readonly #failed: (error: unknown) => void

  constructor(index: number, timeline: Timeline, failed: (error: unknown) => void) {
    this.index = index
    this.timeline = timeline
    this.#failed = failed
  }

  /** An exception nobody caught: the end of a real process too. */
  failed(error: unknown): void {
    this.#failed(error)
  }

  schedule(kind: EventKind, delayUs: number, run: () => void, tag = 0): SimulatedEvent | undefined {
    return this.alive ? this.timeline.schedule(this, kind, delayUs, run, tag) : undefined
  }

  get paused(): boolean {
    return this.#pauses.size > 0
  }

  /** None of its events run from now on; they wait, and so does what comes for it. False: it stands still for this already. */
  pause(why: Pause): boolean {
    if (!this.alive || this.#pauses.has(why)) return false
    this.#pauses.add(why)
    this.timeline.suspend(this)
    return true
  }

  /** Everything that is due by now runs at once, in the order in which it fell due, unless it stands still for more. */
  resume(why: Pause): void {
    if (this.alive && this.#pauses.delete(why) && !this.paused) this.timeline.resume(this)
  }

  /** The outcome of `work`, done after the delay; never settles when the process dies before. */
  later<T>(kind: EventKind, delayUs: number, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.schedule(kind, delayUs, () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** Remembers something open. Returns what forgets it again; `drop` is called when the process dies before that. */
  hold(kind: ResourceKind, text: string, drop: () => void = () => {}): () => void {
    const resource: Resource = { text, drop }
    const held = this.#open.get(kind)!
    held.add(resource)
    return () => held.delete(resource)
  }

  /** Like `hold` for what is no resource of its own; returns what takes it back. */
  atDeath(ending: (death: Death) => void): () => void {
    this.#endings.add(ending)
    return () => this.#endings.delete(ending)
  }

  open(): OpenResources {
    const timers = this.timeline.pending(this).filter((event) => event.kind === 'timer')
    const texts = (kind: ResourceKind) => [...this.#open.get(kind)!].map((resource) => resource.text)
    return {
      timers: timers.map((event) => `in ${(event.atUs - this.timeline.nowUs) / 1000} ms`),
      sockets: texts('sockets'),
      listeners: texts('listeners'),
      streams: texts('streams'),
      channels: texts('channels'),
      calls: texts('calls'),
      files: texts('files'),
      locks: texts('locks'),
    }
  }

  die(death: Death): void {
    if (!this.alive) return
    this.alive = false
    this.timeline.cancelAll(this)
    for (const ending of [...this.#endings]) ending(death)
    for (const kind of resourceKinds) {
      for (const resource of [...this.#open.get(kind)!]) resource.drop()
      this.#open.get(kind)!.clear()
    }
  }
}
