/** In which order to try servers, given which ones failed a moment ago. Pure. */

import { formatAddress } from '../address.ts'
import type { Address } from '../env/env.ts'

/** A server that failed is tried after all others for this long. */
export const coolDownMs = 5_000

/** Keeps the resolver's order, except that servers that failed lately come last, the longest ago first. */
export function pickOrder(
  servers: readonly Address[],
  failedAtMs: ReadonlyMap<string, number>,
  nowMs: number,
): Address[] {
  const failed = (address: Address): number => {
    const atMs = failedAtMs.get(formatAddress(address))
    return atMs === undefined || nowMs - atMs >= coolDownMs ? Number.NEGATIVE_INFINITY : atMs
  }
  return [...servers].sort((a, b) => {
    const [first, second] = [failed(a), failed(b)]
    return first === second ? 0 : first - second
  })
}
