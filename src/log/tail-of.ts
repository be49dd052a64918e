import type { LogEnd } from './log-world.ts'
import type { Tail } from './write-group.ts'

/** Where a log ends on the disk, as far as it is visible. */
export function tailOf({ segments, firstChain }: LogEnd): Tail {
  const last = segments.at(-1)
  if (!last) return { offset: 0, chain: firstChain, segmentBytes: 0 }
  return { offset: last.end, chain: last.chainKnown ? last.chain : undefined, segmentBytes: last.bytes }
}
