/** What a node says of itself in one go. */

import type { LeftOutLog } from './actors/left-out.ts'
import type { NodePhase } from './server/phase.ts'

export interface NodeStatus {
  readonly node: string
  readonly epoch: string
  readonly phase: NodePhase
  readonly rpcAddress: string | undefined
  readonly httpAddress: string | undefined
  readonly gossipAddress: string | undefined
  /** Where Serf's command line is served. */
  readonly serfRpcAddress: string | undefined
  /** Names of alive members, this one included. */
  readonly members: readonly string[]
  /** Peers that gossip believes alive, to be copied from. */
  readonly wanted: readonly string[]
  /** What each replicator does, by peer. */
  readonly replicators: Readonly<Record<string, string>>
  readonly durability: 'fsync' | 'os'
  /** Segments in which damage was found and not mended yet. */
  readonly damagedSegments: number
  /** Logs that are not copied from a connected peer, as a later version of Reeve wrote there what would come next. */
  readonly leftOut: readonly LeftOutLog[]
}
