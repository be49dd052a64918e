/** Kept back of the caller's time, so that an answer about what did not happen in time still arrives in time. */
const wayBackMaxMs = 250

/**
 * How long this node may wait for something before it answers, given what is left until the caller's deadline
 * (undefined: none) and its own limit.
 */
export function waitLimitMs(remainingMs: number | undefined, limitMs: number): number {
  if (remainingMs === undefined) return limitMs
  return Math.max(0, Math.min(limitMs, remainingMs - Math.min(wayBackMaxMs, remainingMs / 4)))
}
