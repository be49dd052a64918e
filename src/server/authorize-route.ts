import type { CallListener, RpcRoute } from '../env/env.ts'
import { toReeveError } from '../errors.ts'
import type { Access } from './access.ts'
import type { Act } from './acl-policy.ts'
import { wholeCluster } from './authorizer.ts'

/**
 * What a route needs before its first message is handled. An act: on the whole cluster. `known`: that the caller may see
 * which nodes there are. `topic`: a proper identity only; the topic stands in the message and is checked there.
 */
export type Need = Act | 'known' | 'topic'

export function authorizeRoute(route: RpcRoute, access: Access, need: Need): RpcRoute {
  return {
    ...route,
    handle(call) {
      try {
        const subject = access.subjectOf(call.caller)
        if (need === 'known') access.requireKnown(subject)
        else if (need !== 'topic') access.require(subject, need, wholeCluster)
      } catch (error) {
        call.finish(toReeveError(error))
        return refused
      }
      return route.handle(call)
    },
  }
}

/** Hears what still arrives of a call that is over. */
export const refused: CallListener = { message() {} }
