/**
 * Everything this node answers to, each route behind what it needs: an open node, an identity, a right.
 *
 * Health and reflection are open to whoever can connect: probes carry no certificates, and the contracts are public.
 */

import type { DescService } from '@bufbuild/protobuf'
import type { Clock, RpcRoute } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { Health } from '../gen/grpc/health/v1/health_pb.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import type { Member } from '../gossip/member.ts'
import type { BatchLimits } from '../log/batch.ts'
import type { Journal } from '../log/journal.ts'
import type { Copies } from '../replication/copies.ts'
import { createAccess } from './access.ts'
import { createAcks } from './acks.ts'
import { authorizeRoute, refused } from './authorize-route.ts'
import type { Authorizer } from './authorizer.ts'
import { createCommits } from './commits.ts'
import { consume } from './consume.ts'
import { consumeStream } from './consume-stream.ts'
import { healthRoutes } from './health.ts'
import { leave } from './leave.ts'
import type { PhaseSource } from './phase.ts'
import { isOpen } from './phase.ts'
import { produce } from './produce.ts'
import type { DurabilitySetting } from './produce-response.ts'
import { produceStream } from './produce-stream.ts'
import { reflectionRoutes } from './reflection.ts'
import { getServers, knownNodes } from './servers.ts'
import { listTopics } from './topics.ts'

export interface RoutesDeps {
  readonly journal: Journal
  readonly clock: Clock
  readonly phase: PhaseSource
  /** `openDoor` where the node has no ACL. */
  readonly authorizer: Authorizer
  /** The server checks client certificates. */
  readonly tls: boolean
  readonly limits: BatchLimits
  readonly durability: DurabilitySetting
  readonly copies: Copies
  /** How long a produce without a deadline waits for its copies. */
  readonly copiesWaitMs: number
  readonly members: () => readonly Member[]
  readonly replicators: () => ReadonlyMap<string, string>
  /** `ReplicationService.Pull`; gets its authorization here. */
  readonly pull: RpcRoute
  readonly requestLeave: () => void
}

export function createRoutes(deps: RoutesDeps): RpcRoute[] {
  const { journal, clock, phase, members } = deps
  const self = { name: journal.node, epoch: journal.epoch }
  const access = createAccess(deps.authorizer, deps.tls)
  const consuming = { journal, commits: createCommits(journal), access, phase, clock }
  const producing = {
    ...{ journal, access, phase, acks: createAcks(deps.copies, clock) },
    ...{ limits: deps.limits, durability: deps.durability, copiesWaitMs: deps.copiesWaitMs },
    knownNodes: () => knownNodes(members(), self.name),
  }
  const method = LogService.method
  const guarded = [
    authorizeRoute({ method: method.produce, hot: true, handle: produce(producing) }, access, 'topic'),
    authorizeRoute({ method: method.produceStream, hot: true, handle: produceStream(producing) }, access, 'topic'),
    authorizeRoute({ method: method.consume, hot: true, handle: consume(consuming) }, access, 'topic'),
    authorizeRoute({ method: method.consumeStream, hot: true, handle: consumeStream(consuming) }, access, 'topic'),
    authorizeRoute(getServers({ self, members, replicators: deps.replicators }), access, 'known'),
    authorizeRoute(listTopics({ journal, access }), access, 'known'),
    authorizeRoute(leave(deps), access, 'admin'),
    authorizeRoute(deps.pull, access, 'replicate'),
  ]
  const services: DescService[] = [LogService, deps.pull.method.parent, Health]
  return [...guarded.map((route) => whileOpen(route, phase)), ...healthRoutes(phase), ...reflectionRoutes(services)]
}

/** Refuses calls while the node cannot serve them; clients try another one. */
function whileOpen(route: RpcRoute, phase: PhaseSource): RpcRoute {
  return {
    ...route,
    handle(call) {
      if (isOpen(phase.current)) return route.handle(call)
      const starting = phase.current === 'starting'
      call.finish(
        starting
          ? new ReeveError('NODE_STARTING', 'This node is starting.')
          : new ReeveError('NODE_STOPPING', 'This node is stopping.'),
      )
      return refused
    },
  }
}
