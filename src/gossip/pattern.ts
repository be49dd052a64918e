/**
 * Regular expressions from outside, in the syntax of RE2, which Serf speaks. They are matched by an automaton and never
 * by backtracking, so that time grows with the length of the text only; what bounds the automaton is decided here, before
 * it is built.
 */

import { RE2JS } from 're2js'

/**
 * Steps of an automaton: as many as a query has bytes, so that only counts make a pattern too large. The worst ones
 * take some forty milliseconds for the longest text that a tag may have.
 */
export const maxPatternSize = 1024
/** RE2's own limit for what counted repetitions within each other may come to. */
const maxRepeat = 1000

/** Whether the pattern is found anywhere in a text; undefined: it is not one, or one that costs too much. */
export function compilePattern(pattern: string): ((text: string) => boolean) | undefined {
  if (patternSize(pattern) > maxPatternSize) return undefined
  try {
    const compiled = RE2JS.compile(pattern)
    return (text) => compiled.matcher(text).find()
  } catch {
    return undefined
  }
}

/** How many steps its automaton has at most, within a small factor. */
export function patternSize(pattern: string): number {
  // An empty quotation may stand between a group and its count.
  const quotes = pattern.includes('\\Q')
  let [single, nested] = [pattern.length, 1]
  for (const [, before, least, most] of pattern.matchAll(/(.?)\{(\d+)(?:,(\d*))?\}/gs)) {
    const count = Math.max(Number(least), Number(most ?? 0), 1)
    // A repeated group may hold repetitions itself; anything else is one character.
    if (before === ')' || quotes) nested *= count
    else single += count
  }
  return single * Math.min(nested, maxRepeat)
}
