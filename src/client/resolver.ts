/** Which servers a client may call: what the user named, and what the cluster says of itself. Pure. */

import { formatAddress, parseAddress } from '../address.ts'
import type { Address } from '../env/env.ts'

export type ServerState = 'alive' | 'leaving' | 'left' | 'failed'

/** A member as a server reported it. */
export interface KnownServer {
  readonly name: string
  /** Undefined: not a Reeve node. */
  readonly rpcAddress: string | undefined
  readonly gossipAddress: string
  readonly status: ServerState
  readonly tags: ReadonlyMap<string, string>
  /** UUID of its present run; undefined: not a Reeve node. */
  readonly epoch: string | undefined
  /** True for the one that answered. */
  readonly self: boolean
  /** Phase of the answering server's replicator of it; empty: none. */
  readonly replicator: string
  /** Estimated round trip from the one that answered; undefined: not known. */
  readonly rttMs: number | undefined
}

/**
 * The addresses to try, best first: those the user named, in that order, then the other members that are alive, as
 * `known` has them. A named one that the cluster has given up comes last, because the cluster may be wrong about it.
 */
export function resolveServers(named: readonly Address[], known: readonly KnownServer[]): Address[] {
  const gone = new Set(known.filter((server) => server.status !== 'alive').map((server) => server.rpcAddress))
  const alive = known
    .filter((server) => server.status === 'alive' && server.rpcAddress !== undefined)
    .map((server) => parseAddress(server.rpcAddress as string))
    .filter((address) => address !== undefined)
  const good = named.filter((address) => !gone.has(formatAddress(address)))
  const bad = named.filter((address) => gone.has(formatAddress(address)))
  return withoutRepeats([...good, ...alive, ...bad])
}

function withoutRepeats(addresses: readonly Address[]): Address[] {
  const seen = new Map<string, Address>()
  for (const address of addresses) {
    if (!seen.has(formatAddress(address))) seen.set(formatAddress(address), address)
  }
  return [...seen.values()]
}
