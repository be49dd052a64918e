/** How much each node wrote and copied lately, look by look. Pure. */

import type { Story } from './story.ts'

export interface LoadBar {
  readonly atMs: number
  /** Records a second. */
  readonly written: number
  readonly copied: number
}

export const shownMs = 60_000
const searchedMax = 5000

/** By node, the oldest first: those of the last minute before this moment. */
export function loadsOf(story: Story, position: number): ReadonlyMap<string, readonly LoadBar[]> {
  const loads = new Map<string, LoadBar[]>()
  let untilMs: number | undefined
  for (let at = position - 1; at >= Math.max(story.first, position - searchedMax); at--) {
    const record = story.record(at)
    if (record?.kind !== 'facts' || !record.facts.load) continue
    untilMs ??= record.atMs
    if (record.atMs < untilMs - shownMs) break
    const { periodMs, written, copied } = record.facts.load
    const perSecond = 1000 / Math.max(1, periodMs)
    const bars = loads.get(record.node) ?? []
    bars.push({ atMs: record.atMs, written: written * perSecond, copied: copied * perSecond })
    loads.set(record.node, bars)
  }
  for (const bars of loads.values()) bars.reverse()
  return loads
}
