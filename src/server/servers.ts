/** GetServers: everybody this node knows, the nearest first. */

import type { MessageInitShape } from '@bufbuild/protobuf'
import { formatAddress, parseAddress } from '../address.ts'
import type { RpcRoute } from '../env/env.ts'
import { LogService, type ServerSchema, ServerStatus } from '../gen/reeve/v1/log_service_pb.ts'
import type { Member, MemberStatus } from '../gossip/member.ts'
import { epochToBytes, parseEpoch } from '../log/log-id.ts'
import { unary } from './typed.ts'

export interface ServersDeps {
  /** This node. */
  readonly self: { readonly name: string; readonly epoch: string }
  readonly members: () => readonly Member[]
  /** State of this node's replicator by peer: dialing, catchingUp, live, backoff, parked, diverged. */
  readonly replicators: () => ReadonlyMap<string, string>
  /** Estimated round trip to a member; undefined: not known. */
  readonly rttMs: (name: string) => Promise<number | undefined>
}

const farthest = Number.MAX_VALUE

export function getServers(deps: ServersDeps): RpcRoute {
  return unary(LogService.method.getServers, async () => {
    const replicators = deps.replicators()
    const places = await Promise.all(
      deps.members().map(async (member) => {
        // Who is there is worth an answer even when nobody can say how far.
        const rttMs = member.name === deps.self.name ? 0 : await deps.rttMs(member.name).catch(() => undefined)
        return { rttMs, member }
      }),
    )
    // Where the distance is not known the order of the members stays.
    places.sort((a, b) => (a.rttMs === b.rttMs ? 0 : (a.rttMs ?? farthest) - (b.rttMs ?? farthest)))
    const servers = places.map(({ member, rttMs }) => {
      return { ...describe(member, deps.self, replicators.get(member.name)), ...(rttMs !== undefined && { rttMs }) }
    })
    return { servers }
  })
}

/** Reeve nodes of this cluster that may hold copies: members alive or failed, and this node in any case. */
export function knownNodes(members: readonly Member[], self: string, cluster: string): number {
  let count = 1
  for (const member of members) {
    const holds = member.status === 'alive' || member.status === 'failed'
    if (holds && member.name !== self && rpcOf(member) && member.tags.get('cluster') === cluster) count++
  }
  return count
}

const statuses: Record<MemberStatus, ServerStatus> = {
  alive: ServerStatus.ALIVE,
  leaving: ServerStatus.LEAVING,
  left: ServerStatus.LEFT,
  failed: ServerStatus.FAILED,
}

function describe(
  member: Member,
  self: ServersDeps['self'],
  replicator: string | undefined,
): MessageInitShape<typeof ServerSchema> {
  const rpc = rpcOf(member)
  const isSelf = member.name === self.name
  const epoch = isSelf ? self.epoch : rpc?.epoch
  return {
    name: member.name,
    rpcAddress: rpc?.address ?? '',
    gossipAddress: formatAddress(member),
    status: statuses[member.status],
    tags: Object.fromEntries(member.tags),
    ...(epoch === undefined ? {} : { epoch: epochToBytes(epoch) }),
    self: isSelf,
    replicator: replicator ?? '',
  }
}

/** What a Reeve node says of itself in its tags; undefined for other members, such as a plain Serf agent. */
function rpcOf(member: Member): { address: string; epoch: string } | undefined {
  const address = member.tags.get('rpc_addr')
  const epoch = parseEpoch(member.tags.get('epoch') ?? '')
  if (address === undefined || !parseAddress(address) || !epoch.ok) return undefined
  return { address, epoch: epoch.value }
}
