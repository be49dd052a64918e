import type { GossipFact, GossipOrder, MemberFact, Peer, Reason } from '../../machines/messages.ts'
import { parseAddress } from '../address.ts'
import type { Member } from '../gossip/member.ts'
import { parseEpoch, parseNodeName } from '../log/log-id.ts'
import type { Gossip, GossipFact as GossipNews } from './gossip.ts'
import { orderly, toReason } from './orderly.ts'

/** Our own gossip, or an agent of this host that does it for us. */
export type ClusterMember = Pick<
  Gossip,
  'address' | 'members' | 'join' | 'meet' | 'rejoin' | 'leave' | 'rtt' | 'close'
> &
  Partial<Pick<Gossip, 'stats'>>

export interface GossipActorOptions {
  /** `own` takes what is to be released when gossip ends, however it ends. */
  readonly start: (emit: (news: GossipNews) => void, own: (release: () => void) => void) => Promise<ClusterMember>
  readonly started: (member: ClusterMember) => void
  readonly seeds: readonly string[]
  /** Told of every attempt in vain: whoever mistyped a seed has nothing else to notice it by. */
  readonly unreached: (reason: Reason) => void
  readonly cluster: string
}

/** Gossip as an actor: an order is one attempt to reach seeds, or members of before, and members are facts. */
export const gossipLogic = ({ start, started, seeds, unreached, cluster }: GossipActorOptions) =>
  orderly<GossipOrder, GossipFact | MemberFact>(
    (reason) => ({ type: 'gossip.failed', reason }),
    async (scope) => {
      const gossip = await start(
        scope.guard((news) => {
          const fact = factOf(news, cluster)
          if (fact) scope.tell(fact)
        }),
        (release) => scope.own(release),
      )
      scope.own(() => gossip.close())
      if (scope.ended) return
      started(gossip)
      scope.receive(({ type }) =>
        scope.run(async () => {
          if (type === 'leave') {
            await gossip.leave()
            scope.tell({ type: 'gossip.left' })
            return
          }
          if (type === 'meet') {
            await gossip.meet(seeds)
            return
          }
          const attempts = await Promise.allSettled([gossip.join(seeds), gossip.rejoin()])
          const failure = attempts.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
          const isReached = attempts.some((attempt) => attempt.status === 'fulfilled' && attempt.value > 0)
          if (isReached || !failure) {
            scope.tell({ type: 'gossip.contacted' })
            return
          }
          const reason = toReason(failure.reason)
          unreached(reason)
          scope.tell({ type: 'gossip.unreached', reason })
        }),
      )
      scope.tell({ type: 'gossip.bound', address: `${gossip.address.host}:${gossip.address.port}` })
    },
  )

/** A plain Serf member is no peer: it joins and leaves without anybody to copy from. */
function factOf(news: GossipNews, cluster: string): GossipFact | MemberFact | undefined {
  switch (news.kind) {
    case 'alone':
      return { type: 'gossip.alone' }
    case 'accompanied':
      return { type: 'gossip.accompanied' }
    case 'left':
    case 'reaped':
      return { type: `member.${news.kind}`, name: news.member.name }
    case 'joined':
    case 'updated':
    case 'failed': {
      const peer = peerOf(news.member, cluster)
      if (peer) return { type: `member.${news.kind}`, peer }
      // It no longer says where and who it is.
      return news.kind === 'updated' ? { type: 'member.left', name: news.member.name } : undefined
    }
    case 'ended':
      throw news.error
    default:
      return undefined
  }
}

/** What gossip claims of a member, as someone to call; its certificate and its handshake prove it later. */
export function peerOf({ name, tags }: Member, cluster: string): Peer | undefined {
  const address = tags.get('rpc_addr')
  const epoch = parseEpoch(tags.get('epoch') ?? '')
  if (tags.get('cluster') !== cluster || !parseNodeName(name).ok) return undefined
  if (address === undefined || !parseAddress(address) || !epoch.ok) return undefined
  return { name, epoch: epoch.value, address }
}
