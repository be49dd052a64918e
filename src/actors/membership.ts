import { membershipMachine } from '../../machines/membership.ts'
import { backoffMs } from '../backoff.ts'
import { type GossipActorOptions, gossipLogic } from './gossip-actor.ts'
import { orderlyMachine } from './orderly-machine.ts'

export interface MembershipActorOptions extends GossipActorOptions {
  readonly joinRetryMs: number
  readonly joinRetryMaxMs: number
  readonly fraction: () => number
}

/** The membership's chart with everything it does. */
export function membershipActor(options: MembershipActorOptions) {
  const { joinRetryMs, joinRetryMaxMs, fraction } = options
  return orderlyMachine(
    membershipMachine.provide({
      actors: { gossip: gossipLogic(options) },
      delays: {
        joinBackoff: ({ context }) => backoffMs(context.tries, joinRetryMs, joinRetryMaxMs, fraction()),
        strangersInterval: () => backoffMs(1, joinRetryMaxMs, joinRetryMaxMs, fraction()),
      },
    }),
  )
}
