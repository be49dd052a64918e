/** What a member does again and again without being asked: probe, exchange state, reap, reconnect. */

import type { Agenda } from './agenda.ts'
import type { Problem } from './effects.ts'
import type { Exchange } from './exchange.ts'
import type { Endpoint } from './ip.ts'
import { NodeState } from './messages.ts'
import type { Orders } from './orders.ts'
import type { Prober } from './probe.ts'
import type { Profile } from './profile.ts'
import { pushPullDelayMs } from './push-pull-delay.ts'
import type { Serf } from './serf.ts'
import type { Swim } from './swim.ts'

export interface RhythmParts {
  readonly profile: Profile
  readonly random: () => number
  readonly agenda: Agenda
  readonly swim: Swim
  readonly serf: Serf
  readonly prober: Prober
  readonly orders: Orders
  readonly exchange: Exchange
  readonly report: (reason: Problem, detail: string, from?: Endpoint) => void
}

/**
 * Members of an earlier run are tried more often than others that failed: a cluster that starts as a whole would
 * otherwise wait for the ones that know nobody, for a minute and more.
 */
const reunionIntervalMs = 5000

/** Each loop begins at a random point of its interval, so that members started together do not act together. */
export function startRhythm(parts: RhythmParts, nowMs: number): void {
  const { profile, random, agenda, swim, serf, prober, orders } = parts
  const every = (intervalMs: () => number, action: (nowMs: number) => void) => {
    agenda.every(nowMs + random() * intervalMs(), intervalMs, action)
  }
  const everyUnlessLeft = (intervalMs: () => number, action: (nowMs: number) => void) => {
    every(intervalMs, (atMs) => {
      if (!orders.left) action(atMs)
    })
  }
  everyUnlessLeft(
    () => profile.probeIntervalMs,
    (atMs) => prober.tick(atMs),
  )
  const pushPullMs = () => pushPullDelayMs(profile.pushPullIntervalMs, swim.list.size)
  // An interval later than the others, as memberlist begins it: whoever has just joined has just exchanged its state.
  agenda.at(nowMs + random() * profile.pushPullIntervalMs, (atMs) => {
    agenda.every(atMs + pushPullMs(), pushPullMs, () => {
      if (!orders.left) exchangeWithAny(parts)
    })
  })
  every(
    () => profile.reapIntervalMs,
    (atMs) => serf.reap(atMs),
  )
  everyUnlessLeft(
    () => profile.reconnectIntervalMs,
    () => reconnect(parts, false),
  )
  if (serf.hasMemory) {
    everyUnlessLeft(
      () => reunionIntervalMs,
      () => reconnect(parts, true),
    )
  }
}

function exchangeWithAny({ swim, exchange, report }: RhythmParts): void {
  const [node] = swim.list.pick(1, (other) => other !== swim.self && other.state === NodeState.alive)
  if (!node) return
  exchange.start(node, false, (problem) => {
    if (problem !== undefined) report('exchangeFailed', problem, node)
  })
}

function reconnect({ serf, exchange }: RhythmParts, onlyFromBefore: boolean): void {
  const member = serf.reconnectCandidate(onlyFromBefore)
  if (member) exchange.start(member, true, () => {})
}
