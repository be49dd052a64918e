import type { Peer } from '../../machines/messages.ts'
import { ReeveError } from '../errors.ts'
import type { PullHello } from '../gen/reeve/v1/replication_service_pb.ts'
import { epochFromBytes, epochToBytes } from '../log/log-id.ts'
import type { Run } from '../replication/directory.ts'
import { pullVersion } from '../replication/pull-messages.ts'

/**
 * Gossip decided whom to call; only the peer itself (and its certificate) says who it is. Throws `PEER_MISMATCH` or
 * `CLUSTER_MISMATCH` where that is not whom we meant, or speaks another version.
 */
export function checkPeer(peer: Peer, ownCluster: string, { version, cluster, node, epoch }: PullHello): void {
  if (version !== pullVersion)
    throw new ReeveError('PEER_MISMATCH', `${peer.name} speaks pull version ${version}, not ${pullVersion}`)
  if (cluster !== ownCluster) throw new ReeveError('CLUSTER_MISMATCH', `${peer.name} belongs to cluster ${cluster}`)
  const run = epochFromBytes(epoch)
  if (node !== peer.name || !run.ok || run.value !== peer.epoch) {
    throw new ReeveError('PEER_MISMATCH', `${peer.address} is not (or no longer) the run of ${peer.name} we meant`)
  }
}

/** As they are told to a peer: of its own logs that one says what is new in any case. */
export function runsBeside(peer: Peer, runs: readonly Run[]): { origin: string; epoch: Uint8Array }[] {
  return runs
    .filter(({ origin }) => origin !== peer.name)
    .map(({ origin, epoch }) => ({ origin, epoch: epochToBytes(epoch) }))
}
