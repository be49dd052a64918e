/** Clocks that do not agree with this node's: as peers say what time it is, and as their records show. Pure. */

import type { Finding } from './alarms.ts'
import type { LinkFacts } from './facts.ts'

/** Merged reads and retention by age go by the clocks; less than this nobody notices. */
const toleratedMs = 2000

/** `newest`: the latest time of a record, and who wrote it. */
export function clockFindings(
  links: readonly Pick<LinkFacts, 'peer' | 'clock'>[],
  newest: { readonly origin: string; readonly ms: number } | undefined,
  nowMs: number,
): (Finding & { readonly about: string })[] {
  const alarm = { what: 'clock', severity: 'warning' } as const
  const found = links.flatMap(({ peer, clock }) => {
    if (!clock || Math.abs(clock.skewMs) - clock.withinMs <= toleratedMs) return []
    const side = clock.skewMs > 0 ? 'ahead of' : 'behind'
    const text = `the clock of ${peer} is ${seconds(clock.skewMs)} ${side} this node's`
    return [{ ...alarm, text, about: peer }]
  })
  if (!newest || newest.ms <= nowMs + toleratedMs || found.some(({ about }) => about === newest.origin)) return found
  const text = `records of ${newest.origin} are ${seconds(newest.ms - nowMs)} ahead of this node's clock`
  return [...found, { ...alarm, text, about: newest.origin }]
}

function seconds(ms: number): string {
  return `${Math.round(Math.abs(ms) / 1000)} s`
}
