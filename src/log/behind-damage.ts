/** Where frames are good again behind damage. */

import { type ByteSource, FrameSearch, scanFrames } from './scan.ts'

export interface FramePlace {
  readonly offset: number
  readonly position: number
}

/**
 * The first whole frame at or behind `from` from which on each follows the one before it, by its chain, up to where the
 * source ends: there a frame begins with `end`, which is known. Bytes within a record that imitate frames lead there
 * with no chain. Undefined: there is none. Reads the source about twice.
 */
export function goodAgain(source: ByteSource, from: number, end: number): FramePlace | undefined {
  const search = new FrameSearch(source, from)
  for (let position = search.next(); position !== undefined; position = search.next()) {
    if (!search.header) {
      search.position = position + 1
      continue
    }
    const { baseOffset: offset } = search.header
    const frames = scanFrames(source, { offset, chain: undefined }, position)
    let step = frames.next()
    while (!step.done) step = frames.next()
    const { fault, offset: reached, position: stopped } = step.value
    if (!fault && reached === end) return { offset, position }
    search.position = Math.max(stopped, position + 1)
  }
  return undefined
}
