/**
 * grpc.health.v1 (https://grpc.io/docs/guides/health-checking/). Services that can be asked for:
 *
 * - `` (the server as a whole), `reeve.v1.LogService`, `reeve.v1.ReplicationService`: SERVING while requests are taken,
 *   also while the node still catches up: it takes writes and serves what it has.
 * - `reeve.CaughtUp`: SERVING only when it holds what its peers hold. For whoever wants to restart nodes one by one.
 */

import type { RpcRoute } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { Health, HealthCheckResponse_ServingStatus as Status } from '../gen/grpc/health/v1/health_pb.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { ReplicationService } from '../gen/reeve/v1/replication_service_pb.ts'
import type { NodePhase, PhaseSource } from './phase.ts'
import { isClosing, isOpen, nodeStopping } from './phase.ts'
import { serverStream, unary } from './typed.ts'

export const caughtUpService = 'reeve.CaughtUp'

const services = new Map<string, (phase: NodePhase) => boolean>([
  ['', isOpen],
  [LogService.typeName, isOpen],
  [ReplicationService.typeName, isOpen],
  [caughtUpService, (phase) => phase === 'serving'],
])

export function healthRoutes(phase: PhaseSource): RpcRoute[] {
  return [checkHealth(phase), watchHealth(phase)]
}

function checkHealth(phase: PhaseSource): RpcRoute {
  return unary(Health.method.check, ({ service }) => {
    const status = statusOf(service, phase.current)
    if (status !== Status.SERVICE_UNKNOWN) return { status }
    throw new ReeveError('SERVICE_UNKNOWN', 'there is no such service here')
  })
}

/** The status now and after every change; ends when the node closes, so that watchers look elsewhere. */
function watchHealth(phase: PhaseSource): RpcRoute {
  return serverStream(Health.method.watch, ({ service }, stream) => {
    let told: Status | undefined
    const tell = () => {
      const status = statusOf(service, phase.current)
      if (status !== told) stream.send({ status })
      told = status
    }
    const unsubscribe = phase.onChange((now) => {
      tell()
      if (!isClosing(now)) return
      unsubscribe()
      stream.finish(nodeStopping())
    })
    tell()
    return { cancelled: unsubscribe }
  })
}

function statusOf(service: string, phase: NodePhase): Status {
  const serves = services.get(service)
  if (!serves) return Status.SERVICE_UNKNOWN
  return serves(phase) ? Status.SERVING : Status.NOT_SERVING
}
