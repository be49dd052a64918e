/** What is measured of a node, of its own parts, and where that goes. */

import type { Meter } from '@opentelemetry/api'
import { certificateEnds } from '../actors/credentials.ts'
import type { WebHandler } from '../env/env.ts'
import { gossipPart, links, type NodeParts } from '../inspector/sources.ts'
import { NodeMetrics } from './node-metrics.ts'

export interface MetricsOutlet {
  readonly meter: Meter
  /** Shows it on the HTTP port. */
  readonly web?: WebHandler
}

export function measureNode(meter: Meter, parts: NodeParts): NodeMetrics {
  const { env, snapshot, journal, calls, member, room } = parts
  return new NodeMetrics(meter, env.clock, {
    ...{ snapshot, journal, calls },
    links: () => links(parts),
    skew: (peer) => parts.clocks.of(peer),
    memberStatuses: () => {
      const detected = gossipPart(member())?.detected
      const members = member()?.members() ?? []
      return members.map(({ name, status }) =>
        status === 'alive' && detected?.get(name)?.suspect ? 'suspect' : status,
      )
    },
    gossip: () => gossipPart(member())?.part,
    room: () => room.ask(),
    certificates: () =>
      new Map(
        certificateEnds(parts.credentials, env.rpc).map(({ use, endMs }) => [use, (endMs - env.clock.now()) / 1000]),
      ),
  })
}

/** All that answer on the HTTP port beside calls, as an option of the server; none where there are none. */
export function webOf(...handlers: readonly (WebHandler | undefined)[]): { readonly web?: WebHandler } {
  const present = handlers.filter((each) => each !== undefined)
  if (present.length === 0) return {}
  return {
    web: (request) => {
      for (const handler of present) {
        const answer = handler(request)
        if (answer) return answer
      }
      return undefined
    },
  }
}
