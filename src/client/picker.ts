/** In which order to try servers, given which ones failed a moment ago. Pure. */

import { formatAddress } from '../address.ts'
import type { Address } from '../env/env.ts'
import type { KnownServer } from './resolver.ts'

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

/** Servers nearer than this differ by nothing that a client would notice. */
const besideMs = 5

/**
 * Near servers first, as seen from the one that answered: whoever is near to the one we call is not far from us. Servers
 * about as near (within a factor of two, or all within 5 ms) come in random order, so that the clients of a server that
 * dies do not all move on to the same one. Whose distance is not known comes last.
 */
export function nearFirst(servers: readonly KnownServer[], random: () => number): KnownServer[] {
  const places = servers.map((server) => ({ server, zone: zoneOf(server.rttMs), lot: random() }))
  places.sort((a, b) => (a.zone === b.zone ? a.lot - b.lot : a.zone - b.zone))
  return places.map(({ server }) => server)
}

function zoneOf(rttMs: number | undefined): number {
  if (rttMs === undefined) return Number.MAX_VALUE
  return rttMs < besideMs ? 0 : 1 + Math.floor(Math.log2(rttMs / besideMs))
}
