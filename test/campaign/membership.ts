/**
 * Clusters of members alone, of growing size up to a thousand, in simulated time: all join at once, a tenth and then three
 * tenths of them go dark at once and come back, the smaller ones are divided while packets get lost, a tenth leave. What
 * each member sends while nothing happens must not depend on how many there are, and how long everything takes is bounded.
 */

import type { SeededRandom } from '../../src/simulation/random.ts'
import {
  failureBoundMs,
  flawsOf,
  growthOf,
  healingBoundMs,
  lastNewsBoundMs,
  maxGrowth,
  newsBoundMs,
} from '../membership/bounds.ts'
import { type Figures, tell } from '../membership/story.ts'

const sizes = [50, 100, 200, 500, 1000]
const failing = [0.1, 0.3]
const leaving = 0.1
/** Larger ones are not divided: what they do then is what they do in a join of all, at the same cost. */
const largestDivided = 200

/** `largest`: how many members the largest cluster has. */
export async function membership(largest: number, random: SeededRandom, say: (text: string) => void): Promise<string> {
  const all: Figures[] = []
  for (const size of [...sizes.filter((size) => size < largest), largest]) {
    all.push(await tell({ seed: random.u32(), size, failing, leaving, divided: size <= largestDivided, say }))
  }
  for (const line of tableOf(all)) say(line)
  const flaws = all.flatMap(flawsOf)
  const growth = growthOf(all)
  for (const [what, ratio] of Object.entries(growth ?? {})) {
    if (ratio > maxGrowth)
      flaws.push(`${what} of a member a second grow by ${ratio.toFixed(2)} from the smallest to the largest`)
  }
  if (flaws.length > 0) throw new Error(flaws.join('\n'))
  const sent = growth
    ? `; a member sends ${growth.messages.toFixed(2)} times the messages of one among ${all[0]?.size}`
    : ''
  return `up to ${largest} members agree within their bounds, and nobody who ran was declared failed${sent}`
}

function tableOf(all: readonly Figures[]): string[] {
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  const times = ({ mostMs, allMs }: { mostMs: number; allMs: number }) => `${seconds(mostMs)} / ${seconds(allMs)}`
  const rows: [string, (figures: Figures) => string][] = [
    ['members', ({ size }) => String(size)],
    ['all join: s until nearly all / all see all', ({ joined }) => times(joined)],
    ['  bounds', ({ size }) => times({ mostMs: newsBoundMs(size), allMs: lastNewsBoundMs(size) })],
    ['  gossip is through with it after s', ({ quietMs }) => seconds(quietMs)],
    ['nothing happens: packets each a second', ({ steady }) => steady.packets.toFixed(2)],
    ['  messages', ({ steady }) => steady.messages.toFixed(2)],
    ['  bytes in packets', ({ steady }) => steady.packetBytes.toFixed(0)],
    ['  bytes in exchanges of state', ({ steady }) => steady.streamBytes.toFixed(0)],
    ...failing.flatMap((share, i): [string, (figures: Figures) => string][] => [
      [`${100 * share} % fail: s until all have all`, ({ failed }) => seconds(failed[i]?.allMs ?? 0)],
      ['  bound', ({ size, failed }) => seconds(failureBoundMs(size, failed[i]?.count ?? 0))],
      [`${100 * share} % come back: s until nearly all / all see all`, ({ back }) => (back[i] ? times(back[i]) : '')],
    ]),
    [`${100 * leaving} % leave: s until nearly all / all have seen it`, ({ left }) => times(left)],
    ['two halves are one again: s until nearly all / all', ({ healed }) => (healed ? times(healed) : '')],
    ['  bound', ({ size, healed }) => (healed ? seconds(healingBoundMs(size)) : '')],
    ['declared failed although it ran', ({ falselyFailed }) => String(falselyFailed)],
    ['CPU, s', ({ cpuMs }) => seconds(cpuMs)],
    ['memory of the process, MiB', ({ memoryBytes }) => (memoryBytes / 2 ** 20).toFixed(0)],
  ]
  return rows.map(([what, of]) => what.padEnd(56) + all.map((figures) => of(figures).padStart(15)).join(''))
}
