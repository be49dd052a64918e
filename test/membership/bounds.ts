/**
 * What a crowd of any size is held to. Times may grow with the logarithm of the size, as those of SWIM do; what a member
 * sends while nothing happens may not grow at all.
 */

import type { Figures } from './story.ts'

// Serf's for a local network, written out: what is judged here must not judge itself.
const probeIntervalMs = 1000
const gossipIntervalMs = 200

/** Lifeguard's shortest, which Serf has as four intervals for each power of ten. */
function suspicionMs(size: number): number {
  return 4 * Math.max(1, Math.log10(size)) * probeIntervalMs
}

/** How often each exchanges its whole state with somebody, memberlist's: longer by half a minute with each doubling beyond 32. */
export function exchangeIntervalMs(size: number): number {
  return 30_000 * (1 + Math.max(0, Math.ceil(Math.log2(size / 32))))
}

/** What a member of the largest crowd sends, as a part of what one of the smallest does. */
export const maxGrowth = 1.2

/**
 * Until everybody has so many at once as failed. In each probe interval somebody asks a given member with a chance of 1 -
 * 1/e, so that but for one in a thousand such failures the last of them is asked after ln(1000 failed) intervals, and
 * has one more to answer. Then runs the suspicion timeout (SWIM's, with Lifeguard's shortest at n members): once where
 * two others have confirmed it by then, and longer where their word comes late. Gossip goes on from there, twice log2(n) rounds.
 */
export function failureBoundMs(size: number, failed: number): number {
  const askedMs = probeIntervalMs * (1 + Math.log(1000 * failed))
  return askedMs + 2 * suspicionMs(size) + 2 * Math.log2(size) * gossipIntervalMs
}

/** Until all but a thousandth of all views are right after a join or a leave: a second for each doubling of the size. */
export function newsBoundMs(size: number): number {
  return 1000 * Math.log2(size)
}

/** Until all are: gossip misses somebody now and then, and two exchanges of state of its own are sure to mend that. */
export function lastNewsBoundMs(size: number): number {
  return newsBoundMs(size) + 2 * exchangeIntervalMs(size)
}

/**
 * Until two halves are one: each member tries somebody failed every half minute, at most two tries meet the lost packets
 * of the other, and then all that is to be refuted is news.
 */
export function healingBoundMs(size: number): number {
  return 2 * 30_000 + lastNewsBoundMs(size)
}

/** What is not as it should be, each in one line. */
export function flawsOf({ size, joined, failed, back, left, healed, falselyFailed }: Figures): string[] {
  const flaws: string[] = []
  const hold = (what: string, tookMs: number, boundMs: number) => {
    if (tookMs > boundMs)
      flaws.push(`${size} members: ${what} took ${Math.round(tookMs)} ms, more than ${Math.round(boundMs)}`)
  }
  const news = (what: string, { mostMs, allMs }: { mostMs: number; allMs: number }) => {
    hold(`${what}, for nearly everybody,`, mostMs, newsBoundMs(size))
    hold(`${what}, for everybody,`, allMs, lastNewsBoundMs(size))
  }
  news('a join of all', joined)
  for (const one of failed) hold(`a failure of ${one.count}`, one.allMs, failureBoundMs(size, one.count))
  for (const one of back) news(`a return of ${one.count}`, one)
  news('a leave of many', left)
  if (healed) hold('the healing of two halves', healed.allMs, healingBoundMs(size))
  if (falselyFailed > 0) flaws.push(`${size} members: ${falselyFailed} times one that ran was declared failed`)
  return flaws
}

/** Of what the largest sends against what the smallest does; undefined with one size alone. */
export function growthOf(
  all: readonly Figures[],
): { messages: number; packets: number; packetBytes: number } | undefined {
  const sorted = [...all].sort((a, b) => a.size - b.size)
  const [smallest, largest] = [sorted[0], sorted.at(-1)]
  if (!smallest || !largest || smallest === largest) return undefined
  const growth = (of: 'messages' | 'packets' | 'packetBytes') => largest.steady[of] / smallest.steady[of]
  return { messages: growth('messages'), packets: growth('packets'), packetBytes: growth('packetBytes') }
}
