/**
 * From many positions to few words, and back. Folding loses nothing: of an origin's declarations those are taken of which
 * every log was read as far as they say, and where a reader is further than that its position stays beside. Pure.
 */

import { logKey } from '../log/log-id.ts'
import { type Declarations, logOf, type Mark } from './declarations.ts'
import { type Fold, foldKey, type Place, type Position } from './place.ts'

/** What a place says in offsets, as far as this node can tell. */
export interface Expanded {
  /** By log key: the position, or what a known fold stands for, where that is further. */
  readonly positions: Map<string, Position>
  /** Not declared here yet: of logs of these origins nothing is certain. */
  readonly unknown: Fold[]
}

export function expand(declarations: Declarations, topic: string, place: Place): Expanded {
  const positions = new Map(place.positions)
  const unknown = place.folds.filter((fold) => !declarations.knows(fold))
  const known = place.folds.filter((fold) => declarations.knows(fold))
  const seen = new Set(known.flatMap((fold) => declarations.marksUnder(topic, fold)))
  for (const mark of seen) {
    const id = logOf(mark)
    const [key, end] = [logKey(id), mark.end]
    if ((positions.get(key)?.offset ?? -1) < end) positions.set(key, { id, offset: end })
    for (const followed of mark.follows) seen.add(followed)
  }
  return { positions, unknown }
}

/** What of one origin can be folded. */
export interface Folded {
  readonly folds: readonly Fold[]
  /** By log key: what the folds stand for. A position that says the same is not needed. */
  readonly ends: ReadonlyMap<string, number>
}

/** `offsetOf`: where the reader is in a log; undefined: it has not begun. */
export function foldOrigin(
  declarations: Declarations,
  topic: string,
  origin: string,
  offsetOf: (key: string) => number | undefined,
): Folded {
  const read = new Set<Mark>()
  const last = new Set<Mark>()
  const ends = new Map<string, number>()
  for (const mark of declarations.marksOf(topic, origin)) {
    const { end, follows } = mark
    const key = logKey(logOf(mark))
    if ((offsetOf(key) ?? -1) < end || !follows.every((followed) => read.has(followed))) continue
    read.add(mark)
    last.add(mark)
    for (const followed of follows) last.delete(followed)
    ends.set(key, Math.max(end, ends.get(key) ?? 0))
  }
  return { folds: [...last].map(({ fold }) => fold), ends }
}

/** The shortest way to say the same, as far as this node can tell. */
export function condense(declarations: Declarations, topic: string, place: Place): Place {
  const { positions, unknown } = expand(declarations, topic, place)
  const origins = new Set([...positions.values()].map(({ id }) => id.origin))
  const folds = new Map(unknown.map((fold) => [foldKey(fold), fold]))
  for (const origin of origins) {
    const folded = foldOrigin(declarations, topic, origin, (key) => positions.get(key)?.offset)
    for (const fold of folded.folds) folds.set(foldKey(fold), fold)
    for (const [key, end] of folded.ends) if (positions.get(key)?.offset === end) positions.delete(key)
  }
  return { positions, folds: [...folds.values()] }
}
