/** A cluster whose members' event loops are blocked again and again, and what the members make of each other. */

import type { Profile } from '../../src/gossip/profile.ts'
import { type ProfileName, profiles } from '../../src/gossip/profile.ts'
import { pushPullDelayMs } from '../../src/gossip/push-pull-delay.ts'
import { Cluster, type Node, seededRandom } from './cluster.ts'

export interface Stalling {
  readonly seed: number
  readonly profile: ProfileName
  readonly members: number
  /** How many of them stall. */
  readonly stalling: number
  /** A stalling member runs for a random time, this long on average, then is blocked for 1 to 5 s. */
  readonly meanRunMs: number
  readonly forMs: number
  /** False: members do not notice that they stalled. */
  readonly aware: boolean
}

export interface Outcome {
  readonly stalls: number
  /** How often a living member was failed in the eyes of another one: those that never stall, and those that do. */
  readonly steadyFailed: number
  readonly stallingFailed: number
  /** How long until half of the others saw that one more member had crashed; undefined: they did not in the time. */
  readonly crashSeenMs: number | undefined
}

const roundMs = 1000
const lookEveryMs = 500
const stallMs = { least: 1000, most: 5000 }

export function runStalling({
  seed,
  profile: profileName,
  members,
  stalling,
  meanRunMs,
  forMs,
  aware,
}: Stalling): Outcome {
  const usual = profiles[profileName]
  const profile: { -readonly [K in keyof Profile]: Profile[K] } = {
    ...profiles.lan,
    stallMs: aware ? profiles.lan.stallMs : Number.POSITIVE_INFINITY,
  }
  // News of so many at once take long to spread by gossip, and to simulate; two rounds of exchanges do as well.
  profile.retransmitMult = 1
  const cluster = new Cluster(seed, profile)
  const names = Array.from({ length: members + 1 }, (_, i) => `node-${i}`)
  const all = names.map((name) => cluster.start(name, { compression: false }))
  for (let round = 0; round < 2; round += 1) {
    for (const node of all.slice(1)) cluster.join(node, all[0] as Node)
    cluster.run(roundMs)
  }
  if (!cluster.agree(names)) throw new Error('no cluster')
  profile.retransmitMult = usual.retransmitMult
  // Most false accusations travel by exchanges of state, of which nobody begins one sooner.
  cluster.run(pushPullDelayMs(profile.pushPullIntervalMs, members) - cluster.nowMs)
  const crashed = all[members] as Node
  cluster.crash(crashed)
  const living = all.slice(0, members)
  const busy = living.slice(0, stalling)

  const startMs = cluster.nowMs
  let stalls = 0
  let lookMs = startMs
  let crashSeenMs: number | undefined
  for (const { node, atMs, forMs: blockedMs } of plan(seed, busy, meanRunMs, startMs, startMs + forMs)) {
    cluster.run(atMs - cluster.nowMs)
    cluster.stall(node, blockedMs)
    stalls += 1
    if (crashSeenMs !== undefined || cluster.nowMs < lookMs) continue
    lookMs = cluster.nowMs + lookEveryMs
    const seen = living.filter((one) => failedFor(one).includes(crashed.name)).length
    if (seen * 2 >= members) crashSeenMs = cluster.nowMs - startMs
  }
  cluster.run(startMs + forMs - cluster.nowMs)

  const failed = living.flatMap(failedFor).filter((name) => name !== crashed.name)
  const busyNames = new Set(busy.map(({ name }) => name))
  const stallingFailed = failed.filter((name) => busyNames.has(name)).length
  return { stalls, steadyFailed: failed.length - stallingFailed, stallingFailed, crashSeenMs }
}

function failedFor({ facts }: Node): string[] {
  return facts.flatMap((fact) => (fact.kind === 'failed' ? [fact.member.name] : []))
}

/** All stalls of all members, in the order in which they begin. */
function plan(seed: number, nodes: readonly Node[], meanRunMs: number, fromMs: number, toMs: number) {
  const random = seededRandom(seed + 1)
  const stalls = nodes.flatMap((node) => {
    const own: { node: Node; atMs: number; forMs: number }[] = []
    for (let atMs = fromMs; ; ) {
      atMs -= Math.log(1 - random()) * meanRunMs
      if (atMs >= toMs) return own
      const forMs = stallMs.least + random() * (stallMs.most - stallMs.least)
      own.push({ node, atMs, forMs })
      atMs += forMs
    }
  })
  return stalls.sort((a, b) => a.atMs - b.atMs)
}
