/** From caller and policy to yes or a typed no. */

import type { Caller } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { Act } from './acl-policy.ts'
import type { Authorizer } from './authorizer.ts'
import { wholeCluster } from './authorizer.ts'
import { anonymous, identify } from './identity.ts'

export interface Access {
  /** The caller's subject. Throws `UNAUTHENTICATED` where its certificate names nobody properly. */
  subjectOf(caller: Caller): string
  /** Throws `PERMISSION_DENIED`, or `UNAUTHENTICATED` where showing a certificate could have helped. */
  require(subject: string, act: Act, object: string): void
  /** The same for seeing which nodes there are: whoever proved an identity, and whom the policy names. */
  requireKnown(subject: string): void
  may(subject: string, act: Act, object: string): boolean
}

/** `tls`: the server checks certificates, so callers could have shown one. */
export function createAccess(authorizer: Authorizer, tls: boolean): Access {
  const refusal = (subject: string, act: string, object: string): ReeveError => {
    const what = object === wholeCluster ? 'the cluster' : `topic ${object}`
    const facts = { subject, act, topic: object }
    if (tls && subject === anonymous) {
      return new ReeveError('UNAUTHENTICATED', `"${act}" on ${what} needs a client certificate`, { facts })
    }
    return new ReeveError('PERMISSION_DENIED', `${subject} may not "${act}" on ${what}`, { facts })
  }
  return {
    subjectOf(caller) {
      const identity = identify(caller)
      if (identity.ok) return identity.subject
      throw new ReeveError('UNAUTHENTICATED', `the client certificate names nobody: ${identity.problem}`)
    },
    require(subject, act, object) {
      if (!authorizer.authorize(subject, object, act)) throw refusal(subject, act, object)
    },
    requireKnown(subject) {
      if (subject === anonymous && !authorizer.knows(subject)) throw refusal(subject, 'see', wholeCluster)
    },
    may: (subject, act, object) => authorizer.authorize(subject, object, act),
  }
}
