/**
 * Starts what a node takes part in its cluster by: gossip of its own, with the port for Serf's command line beside it if
 * it is wanted; or the Serf agent of its host.
 */

import type { Logger } from 'pino'
import { type NodeConfig, reservedTags } from '../config.ts'
import type { Address, Env } from '../env/env.ts'
import { profiles } from '../gossip/profile.ts'
import { AgentMember } from '../serf-rpc/agent-member.ts'
import { type GossipFact, startGossip } from './gossip.ts'
import type { ClusterMember } from './gossip-actor.ts'
import { sealingOf } from './gossip-sealing.ts'
import { openSerfPort, type ProcessFacts, readAuthKey, type SerfPort } from './serf-port.ts'
import { openSnapshot } from './snapshot-file.ts'

/** A node that failed may come back under its name at another address after this long. */
const deadNodeReclaimMs = 1000

/** In the data folder, in Serf's own format. */
const snapshotName = 'serf.snapshot'

export interface StartMemberOptions {
  readonly env: Env
  readonly config: NodeConfig
  /** The node's, of no actor yet. */
  readonly log: Logger
  readonly process: ProcessFacts | undefined
  /** What the others see of this node. */
  readonly tags: ReadonlyMap<string, string>
  readonly emit: (news: GossipFact) => void
  /** Takes what is to be released in the end. */
  readonly own: (release: () => void) => void
  readonly serfRpcOpened: (address: Address) => void
  /** Ends the node. */
  readonly stop: () => void
}

/** Rejects with `ADDRESS_UNUSABLE`, `CONFIG_INVALID`, `REQUEST_MALFORMED` or `UNAUTHENTICATED`. */
export function startMember(options: StartMemberOptions): Promise<ClusterMember> {
  const { serfAgent } = options.config
  return serfAgent ? joinByAgent(options, serfAgent) : gossipOurselves(options)
}

async function joinByAgent(
  { env, config, log, tags, emit, own }: StartMemberOptions,
  at: Address,
): Promise<ClusterMember> {
  const authKey = readAuthKey(config, env)
  const member = new AgentMember({
    ...{ env, at, tags, emit, name: config.nodeName, log: log.child({ actor: 'membership' }) },
    ...(authKey !== undefined && { authKey }),
  })
  own(() => member.close())
  await member.open()
  return member
}

async function gossipOurselves(options: StartMemberOptions): Promise<ClusterMember> {
  const { env, config, process, tags, emit, own, serfRpcOpened, stop } = options
  const log = options.log.child({ actor: 'membership' })
  const sealed = sealingOf(config)
  let port: SerfPort | undefined
  const gossip = await startGossip({
    env,
    log,
    snapshot: openSnapshot({
      ...{ env, log },
      path: `${config.dataDir}/${snapshotName}`,
      rejoinAfterLeave: config.rejoinAfterLeave,
    }),
    emit: (news) => {
      emit(news)
      port?.tell(news)
    },
    config: {
      name: config.nodeName,
      bind: config.bindAddr,
      ...(config.advertiseAddr && { advertise: config.advertiseAddr }),
      tags,
      profile: { ...profiles[config.profile], deadNodeReclaimMs },
      compression: true,
      ...sealed,
      coordinates: !config.disableCoordinates,
    },
  })
  own(() => gossip.close())
  if (!config.serfRpcAddr) return gossip
  port = await openSerfPort({
    ...{ env, config, process, gossip, stop },
    at: config.serfRpcAddr,
    ownTags: reservedTags,
    encrypted: sealed.encryption !== undefined,
    log: options.log.child({ actor: 'serf-rpc' }),
  })
  own(() => port?.close())
  serfRpcOpened(port.address)
  return gossip
}
