import type { Address } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { shuffled } from './shuffled.ts'

/** A place that swallows packets takes as long as a stream may: more than one at a time, but not a crowd. */
const attemptsAtOnce = 8

export interface RejoinOptions {
  /** Members that may have come back. */
  readonly failed: () => readonly Address[]
  readonly isAccompanied: () => boolean
  /** Exchanges state with each; never rejects for their sake. */
  readonly join: (places: readonly Address[]) => Promise<{ reached: number; problems: readonly string[] }>
  /** Uniform in [0, 1). */
  readonly fraction: () => number
}

/**
 * The way back to a cluster by members that were lost, some at a time in random order. Ends with the first that
 * answers, or when somebody else finds us; resolves with how many answered. Rejects with `UNAVAILABLE` when there were
 * some and none did.
 */
export async function rejoin({ failed, isAccompanied, join, fraction }: RejoinOptions): Promise<number> {
  const places = shuffled(failed(), fraction)
  let lastProblem = ''
  for (let at = 0; at < places.length && !isAccompanied(); at += attemptsAtOnce) {
    const { reached, problems } = await join(places.slice(at, at + attemptsAtOnce))
    if (reached > 0) return reached
    lastProblem = problems.at(-1) ?? lastProblem
  }
  if (places.length === 0 || isAccompanied()) return 0
  throw new ReeveError('UNAVAILABLE', `none of the members that were lost (${places.length}) answers: ${lastProblem}`)
}
