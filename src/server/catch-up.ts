/**
 * Waits until this node has what a caller has written or read elsewhere: read-your-writes, and no way back in time from
 * one node to the next. Woken by commits and declarations; costs nothing while it waits.
 */

import type { Declarations } from '../catalog/declarations.ts'
import { expand } from '../catalog/folding.ts'
import { type Fold, joined, nowhere, type Place, type Position, positionsFrom } from '../catalog/place.ts'
import type { Clock, Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { WaitFor } from '../gen/reeve/v1/log_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import type { Commits } from './commits.ts'
import { decodeCursor } from './cursor.ts'

export interface CatchUpDeps {
  readonly journal: Journal
  readonly commits: Commits
  readonly declarations: Declarations
  readonly clock: Clock
}

/** Throws `CURSOR_INVALID`. */
export function placeToReach(waitFor: WaitFor | undefined, topic: string): Place {
  if (!waitFor) return nowhere
  const { cursor, positions } = waitFor
  const place = cursor.length === 0 ? nowhere : decodeCursor(cursor, topic)
  return joined(place, { positions: positionsFrom(positions, topic), folds: [] })
}

export interface CatchUpCalls {
  readonly reached: () => void
  /** With `NOT_CAUGHT_UP`. */
  readonly late: (error: ReeveError) => void
}

export class CatchUp {
  readonly #deps: CatchUpDeps
  readonly #topic: string
  readonly #calls: CatchUpCalls
  /** By log key: what this node does not reach yet. */
  readonly #missing = new Map<string, Position>()
  #unknown: readonly Fold[] = []
  #timer: Timer | undefined
  #unsubscribe: (() => void)[] = []
  #closed = false

  constructor(deps: CatchUpDeps, topic: string, calls: CatchUpCalls) {
    this.#deps = deps
    this.#topic = topic
    this.#calls = calls
  }

  /**
   * Makes one of the calls: `reached`, at once where nothing is missing, or `late` when the time is over. Without
   * `waitMs` it waits until it is closed.
   */
  begin(place: Place, waitMs: number | undefined): void {
    const { commits, declarations, clock } = this.#deps
    this.#unknown = this.#look(place)
    if (this.#caughtUp) this.#calls.reached()
    else if (waitMs === 0) this.#calls.late(this.#notCaughtUp())
    else {
      this.#unsubscribe = [
        commits.on(this.#topic, ({ key, end }) => {
          if ((this.#missing.get(key)?.offset ?? Number.POSITIVE_INFINITY) <= end) this.#found(key)
        }),
        declarations.onKnown((origin) => this.#declared(origin)),
      ]
      if (waitMs !== undefined) {
        this.#timer = clock.setTimeout(() => {
          this.close()
          this.#calls.late(this.#notCaughtUp())
        }, waitMs)
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#release()
  }

  get #caughtUp(): boolean {
    return this.#missing.size === 0 && this.#unknown.length === 0
  }

  /** Notes what is missing of this place; returns what cannot be told yet. */
  #look(place: Place): readonly Fold[] {
    const { journal, declarations } = this.#deps
    const { positions, unknown } = expand(declarations, this.#topic, place)
    for (const [key, position] of positions) {
      if (position.offset > (journal.log(position.id)?.end ?? 0)) this.#missing.set(key, position)
    }
    return unknown
  }

  #found(key: string): void {
    this.#missing.delete(key)
    this.#end()
  }

  #declared(origin: string): void {
    if (!this.#unknown.some((fold) => fold.origin === origin)) return
    this.#unknown = this.#look({ positions: new Map(this.#missing), folds: this.#unknown })
    this.#end()
  }

  /** Never within a commit: the journal has its own work first. */
  #end(): void {
    if (!this.#caughtUp) return
    this.#release()
    queueMicrotask(() => {
      if (!this.#closed) this.#calls.reached()
    })
  }

  #release(): void {
    this.#deps.clock.clearTimeout(this.#timer)
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
  }

  #notCaughtUp(): ReeveError {
    const { journal } = this.#deps
    const facts: Record<string, string> = { topic: this.#topic, logs: String(this.#missing.size) }
    const problems: string[] = []
    const [first] = this.#missing.values()
    if (first) {
      const { id, offset } = first
      const end = journal.log(id)?.end ?? 0
      Object.assign(facts, { origin: id.origin, epoch: id.epoch, end: String(end), awaited: String(offset) })
      problems.push(`of ${id.origin}/${id.epoch} it has ${end} of ${offset} records`)
      if (this.#missing.size > 1) problems.push(`of ${this.#missing.size - 1} other logs too few`)
    }
    const origins = new Set(this.#unknown.map(({ origin }) => origin))
    if (origins.size > 0) {
      facts.undeclared = [...origins].slice(0, 10).join(' ')
      problems.push(`what ${facts.undeclared} declared has not come here`)
    }
    return new ReeveError('NOT_CAUGHT_UP', `this node has not caught up: ${problems.join(', ')}`, { facts })
  }
}
