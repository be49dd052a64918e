/** A run of members as plain data, and how a seed draws one: some episodes, one after the other, with rests between them. */

import type { Fault, FaultStep } from '../faults.ts'
import { SeededRandom } from '../random.ts'
import { type Episode, episodes } from './episodes.ts'

export interface MemberPlan {
  readonly seed: number
  /** Names. The first `seeds` of them never go down, and are asked by all others. */
  readonly members: readonly string[]
  readonly seeds: number
  readonly durationMs: number
  /** In order of time. */
  readonly steps: readonly FaultStep[]
}

export interface MemberPlanOptions {
  readonly seed: number
  /** How many. Default: 8 to 14, by the seed; 6 at least, as some are in different states at once. */
  readonly size?: number
  /** Names of episodes. Default: all. */
  readonly only?: readonly string[]
  /** How many episodes. Default: 6. */
  readonly count?: number
}

export const episodeNames: readonly string[] = Object.keys(episodes)

const seedCount = 3
/** All start within this. */
const startMs = 3_000
const firstMs = 20_000
/** Longer than it takes until all that an episode leaves behind is mended. */
const lastRestMs = 100_000

/** Throws `RangeError` for an episode that does not exist. */
export function drawMembers({ seed, size, only = episodeNames, count = 6 }: MemberPlanOptions): MemberPlan {
  const unknown = only.find((name) => !episodeNames.includes(name))
  if (unknown !== undefined) throw new RangeError(`no episode is called ${unknown}`)
  const random = new SeededRandom(seed, 'members')
  const length = size ?? random.integer(8, 14)
  const members = Array.from({ length }, (_, index) => `member-${index + 1}`)
  const steps: FaultStep[] = []
  for (const [index, host] of members.entries()) {
    steps.push({ atMs: index === 0 ? 0 : random.integer(0, startMs), kind: 'start', host })
  }
  let atMs = firstMs
  let ids = 0
  // Each once before one comes again.
  let waiting: string[] = []
  for (let index = 0; index < count; index++) {
    if (waiting.length === 0) waiting = random.shuffle(only)
    const episode = episodes[waiting.pop() as string] as Episode
    const said = (afterMs: number, fault: Fault) => steps.push({ atMs: Math.round(atMs + afterMs), ...fault })
    const lastsMs = episode({ random, members, seeds: seedCount, id: () => `${++ids}`, step: said })
    atMs += lastsMs + random.between(5_000, 25_000)
  }
  steps.sort((one, other) => one.atMs - other.atMs)
  return { seed, members, seeds: seedCount, durationMs: Math.round(atMs + lastRestMs), steps }
}
