import type { Caller } from '../env/env.ts'
import { ReeveError } from '../errors.ts'

/**
 * Gossip decides whom to call, certificates decide whom to believe: a caller that showed a certificate may replicate
 * under the node names it carries only, as a DNS name or as `spiffe://TRUST-DOMAIN/node/NAME`. Without TLS there is
 * nothing to prove it with, and nothing to gain by lying: a node's name opens no door.
 *
 * Throws `PEER_MISMATCH`.
 */
export function requireNodeName({ certificate }: Caller, node: string): void {
  if (!certificate) return
  const { dnsNames, uris } = certificate
  if (dnsNames.some((name) => name.toLowerCase() === node.toLowerCase())) return
  if (uris.some((uri) => /^spiffe:\/\/[^/]+\/node\/([^/]+)$/.exec(uri)?.[1] === node)) return
  throw new ReeveError('PEER_MISMATCH', `the certificate does not carry the node name ${node}`, { facts: { node } })
}
