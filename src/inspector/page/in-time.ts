/**
 * Records of several nodes in the order in which they happened, as far as their clocks tell. Each node's own order stays
 * as it is, also where its clock stepped back. A trace, and what is told first of a cluster, come node by node. Pure.
 */

import type { TraceRecord } from '../record.ts'

export function inTime(records: readonly TraceRecord[]): TraceRecord[] {
  const reached = new Map<string, number>()
  const timed = records.map((record) => {
    // What a node says of asking another is no part of that one's order.
    if (record.kind === 'relay') return { record, atMs: record.atMs }
    const before = reached.get(record.node) ?? Number.NEGATIVE_INFINITY
    const atMs = record.kind === 'gap' ? before : Math.max(before, record.atMs)
    reached.set(record.node, atMs)
    return { record, atMs }
  })
  // Not by a difference: two that are both infinitely early have none.
  return timed
    .sort((one, other) => (one.atMs === other.atMs ? 0 : one.atMs < other.atMs ? -1 : 1))
    .map(({ record }) => record)
}
