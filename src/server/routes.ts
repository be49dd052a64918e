/**
 * Everything this node answers to, each route behind what it needs: an open node, an identity, a right.
 *
 * Health and reflection are open to whoever can connect: probes carry no certificates, and the contracts are public.
 */

import type { DescMethod } from '@bufbuild/protobuf'
import type { Cursors } from '../catalog/cursors.ts'
import type { Declarations } from '../catalog/declarations.ts'
import type { Topics } from '../catalog/topics.ts'
import type { Clock, RpcHandler, RpcRoute } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { Health } from '../gen/grpc/health/v1/health_pb.ts'
import { InspectorService } from '../gen/reeve/v1/inspector_pb.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { ReplicationService } from '../gen/reeve/v1/replication_service_pb.ts'
import type { Member } from '../gossip/member.ts'
import type { Journal } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import type { Copies } from '../replication/copies.ts'
import type { Access } from './access.ts'
import { createAcks } from './acks.ts'
import { authorizeRoute, refused } from './authorize-route.ts'
import { createCommits } from './commits.ts'
import { type ConsumeDeps, consume } from './consume.ts'
import { consumeStream } from './consume-stream.ts'
import { cursorRoutes } from './cursors.ts'
import { healthRoutes } from './health.ts'
import { leave } from './leave.ts'
import type { PhaseSource } from './phase.ts'
import { isOpen, nodeStopping } from './phase.ts'
import { type ProduceDeps, produce } from './produce.ts'
import type { DurabilitySetting } from './produce-response.ts'
import { produceStream } from './produce-stream.ts'
import { reflectionRoutes } from './reflection.ts'
import { getServers, knownNodes } from './servers.ts'
import { deleteTopic, setTopic } from './topic-settings.ts'
import { listTopics } from './topics.ts'
import { traceRoute } from './trace-route.ts'

export interface RoutesDeps {
  readonly journal: Journal
  /** What the nodes have declared of their earlier runs. */
  readonly declarations: Declarations
  readonly cursors: Cursors
  readonly topics: Topics
  readonly clock: Clock
  readonly phase: PhaseSource
  readonly access: Access
  readonly copies: Copies
  /** Whether the run that wrote this log is another node's present one, and connected. */
  readonly isLive: (log: LogId) => boolean
  readonly durability: DurabilitySetting
  /** Of one batch, and so of one record. */
  readonly maxBatchBytes: number
  /** Name of the cluster: members of others hold no copies of ours. */
  readonly cluster: string
  readonly members: () => readonly Member[]
  /** State of this node's replicator by peer: dialing, catchingUp, live, backoff, parked, diverged. */
  readonly replicators: () => ReadonlyMap<string, string>
  /** Estimated round trip to a member; undefined: not known. */
  readonly rttMs: (name: string) => Promise<number | undefined>
  readonly requestLeave: () => void
  /** Routes of the inspector; empty: it is off. */
  readonly inspecting: readonly RpcRoute[]
  /** Told of appends that are under way; absent: they are not measured. */
  readonly timed?: ProduceDeps['timed']
  /** Told of records that were handed to readers, an answer at a time. */
  readonly consumed?: ConsumeDeps['consumed']
}

/** Bounds the shallow pass over a batch: about 2 µs for 1,000 records. */
const batchRecordsMax = 100_000

/**
 * A produce that asks for copies and sets no deadline is answered after this long: well before the client library gives
 * up on its answer (`ackTimeoutMs`, 30 s), so that its caller learns that the record is stored.
 */
const copiesWaitMs = 20_000

/** All but `ReplicationService.Pull`, which comes from `pullRoute`; it is described by reflection all the same. */
export function createRoutes(deps: RoutesDeps): RpcRoute[] {
  const { journal, topics, declarations, cursors, clock, phase, access, members, maxBatchBytes } = deps
  const self = { name: journal.node, epoch: journal.epoch }
  const { consumed } = deps
  const consuming = { journal, commits: createCommits(journal), declarations, cursors, access, phase, clock, consumed }
  const producing = {
    journal,
    access,
    phase,
    acks: createAcks({ copies: deps.copies, isLive: deps.isLive, clock }),
    limits: (topic: string) => ({
      maxBytes: maxBatchBytes,
      maxRecords: batchRecordsMax,
      maxRecordBytes: topics.policy(topic).maxRecordBytes,
    }),
    durability: deps.durability,
    timed: deps.timed,
    knownNodes: () => knownNodes(members(), self.name, deps.cluster),
    copiesWaitMs,
  }
  const method = LogService.method
  const hot = (of: DescMethod, handle: RpcHandler) => authorizeRoute({ method: of, hot: true, handle }, access, 'topic')
  const guarded = [
    hot(method.produce, produce(producing)),
    hot(method.produceStream, produceStream(producing)),
    hot(method.consume, consume(consuming)),
    hot(method.consumeStream, consumeStream(consuming)),
    authorizeRoute(getServers({ self, members, replicators: deps.replicators, rttMs: deps.rttMs }), access, 'known'),
    ...cursorRoutes({ cursors, journal, declarations, access }).map((route) => authorizeRoute(route, access, 'topic')),
    authorizeRoute(listTopics({ journal, topics, access }), access, 'known'),
    authorizeRoute(setTopic({ topics, access }), access, 'topic'),
    authorizeRoute(deleteTopic({ topics, access }), access, 'topic'),
    authorizeRoute(leave(deps), access, 'admin'),
    ...deps.inspecting.map((route) => authorizeRoute(route, access, 'inspect')),
  ]
  return [
    ...guarded.map((route) => traceRoute(whileOpen(route, phase))),
    ...healthRoutes(phase),
    ...reflectionRoutes([LogService, ReplicationService, InspectorService, Health]),
  ]
}

/** Refuses calls while the node cannot serve them; clients try another one. */
function whileOpen(route: RpcRoute, phase: PhaseSource): RpcRoute {
  return {
    ...route,
    handle(call) {
      if (isOpen(phase.current)) return route.handle(call)
      const starting = phase.current === 'starting'
      call.finish(starting ? new ReeveError('NODE_STARTING', 'this node is starting') : nodeStopping())
      return refused
    },
  }
}
