/** Where the others are told to find us. */

import type { Address, Env } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { canonicalHost } from '../gossip/ip.ts'

/** What was asked for, else the bound address, else our best own one. Rejects with `ADDRESS_UNUSABLE`. */
export async function advertised(
  streams: Env['streams'],
  wanted: Address | undefined,
  bound: Address,
): Promise<Address> {
  if (wanted) {
    const [host] = await streams.resolve(wanted.host).catch(() => [])
    if (host === undefined) throw new ReeveError('ADDRESS_UNUSABLE', `cannot advertise ${wanted.host}: unknown host`)
    return { host: canonicalHost(host), port: wanted.port || bound.port }
  }
  if (!isUnspecified(bound.host)) return { host: canonicalHost(bound.host), port: bound.port }
  const [host] = streams.ownAddresses()
  if (host === undefined) throw new ReeveError('ADDRESS_UNUSABLE', 'this machine has no address to advertise')
  return { host: canonicalHost(host), port: bound.port }
}

/** Bound to all addresses of the machine. */
export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}
