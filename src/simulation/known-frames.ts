/**
 * Every frame that any copy of any log was ever seen to hold: all copies of a log are prefixes of one content when no two
 * frames of it overlap without being the same. Each look costs what is new, however much there is.
 */

import type { HeldFrame, HeldFrames, Violation } from './invariants.ts'

interface KnownFrame extends HeldFrame {
  /** The first node that was seen to hold it. */
  readonly node: string
}

export class KnownFrames {
  /** Of each log, by offset; of none two overlap. */
  readonly #logs = new Map<string, KnownFrame[]>()

  /** What a node holds, or what of it is new since the last look. */
  learn(node: string, held: readonly HeldFrames[]): Violation[] {
    return held.flatMap(({ log, frames }): Violation[] => {
      const known = this.#logs.get(log) ?? []
      this.#logs.set(log, known)
      for (const { base, end, chain } of frames) {
        const other = learnFrame(known, { base, end, chain, node })
        if (other !== undefined) return [{ kind: 'copiesDiffer', log, offset: end, nodes: [other.node, node] }]
      }
      return []
    })
  }
}

/** The known frame that this one contradicts. */
function learnFrame(known: KnownFrame[], frame: KnownFrame): KnownFrame | undefined {
  let low = 0
  let high = known.length
  // Nearly always it is the next one.
  if (high > 0 && (known[high - 1] as KnownFrame).end <= frame.base) low = high
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((known[middle] as KnownFrame).end <= frame.base) low = middle + 1
    else high = middle
  }
  const first = known[low]
  if (first === undefined || first.base >= frame.end) {
    known.splice(low, 0, frame)
    return undefined
  }
  return first.base === frame.base && first.end === frame.end && first.chain === frame.chain ? undefined : first
}
