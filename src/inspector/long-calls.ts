/** The calls that a server has had under way for a while, summed up by who calls what: streams, mostly. */

import type { OpenCall } from '../env/env.ts'
import { identify } from '../server/identity.ts'
import type { LongCalls } from './facts.ts'

/** What is over sooner is a rate, and nothing to be listed. */
const longMs = 1000
/** Of those that were there first. */
const shownMax = 32

interface Group {
  readonly method: string
  readonly from: string
  calls: number
  /** Of the oldest, by the monotonic clock. */
  beganMs: number
}

/** `nowMs`: monotonic; `wallMs`: the same moment since 1970. Sorted by age, the oldest first. */
export function longCalls(open: Iterable<OpenCall>, nowMs: number, wallMs: number): LongCalls[] {
  const groups = new Map<string, Group>()
  for (const { path, caller, beganMs } of open) {
    if (nowMs - beganMs < longMs) continue
    const method = path.slice(path.lastIndexOf('/') + 1)
    const identity = identify(caller)
    const from = caller.certificate && identity.ok ? identity.subject : caller.remote.host
    const key = `${method} ${from}`
    const group = groups.get(key)
    if (!group) groups.set(key, { method, from, calls: 1, beganMs })
    else {
      group.calls++
      group.beganMs = Math.min(group.beganMs, beganMs)
    }
  }
  const oldest = [...groups.values()].sort((one, other) => one.beganMs - other.beganMs).slice(0, shownMax)
  // Whole seconds: the two clocks drift apart by less, and nobody is told of that.
  return oldest.map(({ beganMs, ...group }) => ({
    ...group,
    sinceMs: 1000 * Math.round((wallMs - nowMs + beganMs) / 1000),
  }))
}
