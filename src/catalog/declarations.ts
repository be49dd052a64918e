/**
 * What the nodes have declared of their earlier runs: how far each log reaches. A declaration follows others of its
 * origin; it is known once it and all those are. So whoever names a known one has named them all, and a cursor needs one
 * word for many logs. Pure.
 *
 * Owns: the declarations as a graph, for each origin by itself, and what each topic has to do with it.
 * Never: takes a declaration for a promise that a log has ended. It is a vector of offsets with a name, and as such true
 * for ever.
 */

import type { FinishedLog } from '../gen/reeve/v1/catalog_pb.ts'
import type { LogId } from '../log/log-id.ts'
import { type Fold, foldKey } from './place.ts'
import { epochText, foldOf, followedBy, type RunEntry } from './run-kind.ts'

/** What one declaration says of one log: of that name, of the declaration's origin. */
export interface Mark {
  readonly topic: string
  readonly epoch: string
  /** The declared end. */
  readonly end: number
  readonly fold: Fold
  /** The nearest of the same topic that its declaration follows. */
  readonly follows: readonly Mark[]
  /** The one of this topic and origin that became known before: mostly there is none, and a list would be more than it. */
  readonly previous: Mark | undefined
}

export function logOf({ topic, epoch, fold }: Mark): LogId {
  return { topic, origin: fold.origin, epoch }
}

interface Declaration {
  readonly fold: Fold
  readonly follows: readonly Declaration[]
}

interface Waiting {
  readonly fold: Fold
  readonly epoch: string
  readonly logs: readonly FinishedLog[]
  readonly follows: readonly Fold[]
}

const nothing: readonly Mark[] = []
const noEnds: readonly number[] = []

export class Declarations {
  readonly #known = new Map<string, Declaration>()
  /** By what is missing: those that follow it. */
  readonly #waiting = new Map<string, Waiting[]>()
  /** By origin: known ones that none follows. */
  readonly #last = new Map<string, Map<string, Fold>>()
  /** By origin and topic: the one that became known last. */
  readonly #marks = new Map<string, Map<string, Mark>>()
  readonly #listeners = new Set<(origin: string) => void>()

  /** Takes in what was declared; twice changes nothing. */
  add(entry: RunEntry): void {
    const { epoch, logs } = entry
    this.#settle([{ fold: foldOf(entry), epoch: epochText(epoch), logs, follows: followedBy(entry) }])
  }

  knows(fold: Fold): boolean {
    return this.#known.has(foldKey(fold))
  }

  /** What is known of this topic's logs of the origin: each mark behind all that it follows. */
  marksOf(topic: string, origin: string): readonly Mark[] {
    return [...chain(this.#lastMark(topic, origin))].reverse()
  }

  /** The last marks of the topic that this known declaration stands for; with all that they follow, it is all of them. */
  marksUnder(topic: string, fold: Fold): readonly Mark[] {
    const declaration = this.#known.get(foldKey(fold))
    return declaration ? nearest(this.#lastMark(topic, fold.origin), [declaration]) : nothing
  }

  /** Every end that was declared of this log, ascending. */
  endsOf({ topic, origin, epoch }: LogId): readonly number[] {
    const last = this.#lastMark(topic, origin)
    if (!last) return noEnds
    const ends = new Set<number>()
    for (const mark of chain(last)) if (mark.epoch === epoch) ends.add(mark.end)
    return [...ends].sort((one, other) => one - other)
  }

  /** The last known declarations of an origin: mostly one. */
  lastOf(origin: string): Fold[] {
    return [...(this.#last.get(origin)?.values() ?? [])]
  }

  /** Called after declarations of an origin became known. Returns what unsubscribes. */
  onKnown(listener: (origin: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #settle(queue: Waiting[]): void {
    const origins = new Set<string>()
    for (let next = queue.pop(); next; next = queue.pop()) {
      const key = foldKey(next.fold)
      if (this.#known.has(key)) continue
      const missing = next.follows.map(foldKey).find((followed) => !this.#known.has(followed))
      if (missing !== undefined) {
        const waiting = this.#waiting.get(missing) ?? []
        if (!waiting.some(({ fold }) => foldKey(fold) === key)) waiting.push(next)
        this.#waiting.set(missing, waiting)
        continue
      }
      this.#learn(key, next)
      origins.add(next.fold.origin)
      queue.push(...(this.#waiting.get(key) ?? []))
      this.#waiting.delete(key)
    }
    for (const origin of origins) for (const listener of [...this.#listeners]) listener(origin)
  }

  #learn(key: string, { fold, epoch, logs, follows }: Waiting): void {
    const { origin } = fold
    const before = follows.map((followed) => this.#known.get(foldKey(followed)) as Declaration)
    const marks = this.#marks.get(origin) ?? new Map<string, Mark>()
    this.#marks.set(origin, marks)
    for (const { topic, end } of logs) {
      const previous = marks.get(topic)
      const name = previous?.topic ?? topic
      marks.set(name, { topic: name, epoch, end: Number(end), fold, follows: nearest(previous, before), previous })
    }
    this.#known.set(key, { fold, follows: before })
    const last = this.#last.get(origin) ?? new Map<string, Fold>()
    this.#last.set(origin, last)
    for (const followed of follows) last.delete(foldKey(followed))
    last.set(key, fold)
  }

  #lastMark(topic: string, origin: string): Mark | undefined {
    return this.#marks.get(origin)?.get(topic)
  }
}

/** Marks of one topic and origin, the last one first. */
function* chain(last: Mark | undefined): Generator<Mark> {
  for (let mark = last; mark; mark = mark.previous) yield mark
}

/** Of these, `last` and those before it, the ones in these declarations, or else in what they follow. */
function nearest(last: Mark | undefined, declarations: readonly Declaration[]): readonly Mark[] {
  if (!last) return nothing
  const found = new Set<Mark>()
  const seen = new Set(declarations)
  for (const { fold, follows } of seen) {
    const mark = markIn(fold, last)
    if (mark) found.add(mark)
    else for (const followed of follows) seen.add(followed)
  }
  return found.size > 0 ? [...found] : nothing
}

function markIn(fold: Fold, last: Mark): Mark | undefined {
  for (const mark of chain(last)) if (mark.fold === fold) return mark
  return undefined
}
