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
import { type LogId, logKey } from '../log/log-id.ts'
import { type Fold, foldKey } from './place.ts'
import { epochText, foldOf, followedBy, type RunEntry } from './run-kind.ts'

/** What one declaration says of one log. */
export interface Mark {
  readonly id: LogId
  readonly key: string
  /** The declared end. */
  readonly end: number
  readonly fold: Fold
  /** The nearest of the same topic that its declaration follows. */
  readonly follows: readonly Mark[]
}

interface Declaration {
  readonly fold: Fold
  readonly follows: readonly Declaration[]
  readonly marks: ReadonlyMap<string, Mark>
}

interface Waiting {
  readonly fold: Fold
  readonly epoch: string
  readonly logs: readonly FinishedLog[]
  readonly follows: readonly Fold[]
}

const nothing: readonly Mark[] = []

export class Declarations {
  readonly #known = new Map<string, Declaration>()
  /** By what is missing: those that follow it. */
  readonly #waiting = new Map<string, Waiting[]>()
  /** By origin: known ones that none follows. */
  readonly #last = new Map<string, Map<string, Fold>>()
  /** By topic and origin, in one map for all; each behind all that it follows. */
  readonly #marks = new Map<string, Mark[]>()
  /** By log key: every declared end, ascending. */
  readonly #ends = new Map<string, number[]>()
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
    return this.#marks.get(marksKey(topic, origin)) ?? nothing
  }

  /** The last marks of the topic that this known declaration stands for; with all that they follow, it is all of them. */
  marksUnder(topic: string, fold: Fold): readonly Mark[] {
    const declaration = this.#known.get(foldKey(fold))
    return declaration ? nearest(topic, [declaration]) : nothing
  }

  /** Every end that was declared of this log, ascending. */
  endsOf(key: string): readonly number[] {
    return this.#ends.get(key) ?? []
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
    const marks = new Map<string, Mark>()
    for (const { topic, end } of logs) {
      const id = { topic, origin, epoch }
      const mark = { id, key: logKey(id), end: Number(end), fold, follows: nearest(topic, before) }
      marks.set(topic, mark)
      this.#index(mark)
    }
    this.#known.set(key, { fold, follows: before, marks })
    const last = this.#last.get(origin) ?? new Map<string, Fold>()
    this.#last.set(origin, last)
    for (const followed of follows) last.delete(foldKey(followed))
    last.set(key, fold)
  }

  #index(mark: Mark): void {
    const { topic, origin } = mark.id
    const marksAt = marksKey(topic, origin)
    const marks = this.#marks.get(marksAt)
    if (marks) marks.push(mark)
    else this.#marks.set(marksAt, [mark])
    const ends = new Set(this.#ends.get(mark.key)).add(mark.end)
    this.#ends.set(
      mark.key,
      [...ends].sort((one, other) => one - other),
    )
  }
}

/** The topic's marks in these declarations, or else in what they follow. */
function nearest(topic: string, declarations: readonly Declaration[]): readonly Mark[] {
  const found = new Set<Mark>()
  const seen = new Set(declarations)
  for (const { marks, follows } of seen) {
    const mark = marks.get(topic)
    if (mark) found.add(mark)
    else for (const followed of follows) seen.add(followed)
  }
  return found.size > 0 ? [...found] : nothing
}

/** Neither part can hold a slash. Joined, it is one piece of memory. */
function marksKey(topic: string, origin: string): string {
  return [topic, origin].join('/')
}
