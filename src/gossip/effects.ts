/** What the core wants done in the world, as values. */

import type { Endpoint } from './ip.ts'
import type { Member } from './member.ts'
import type { Query, UserEvent } from './messages.ts'

export type Effect =
  /** Send a datagram. When it cannot be handed to the network, say so with `sendFailed(probe)`, if there is one. */
  | { readonly kind: 'packet'; readonly to: Endpoint; readonly bytes: Uint8Array; readonly probe?: number }
  /** Open a stream, write, read one message, and report with `streamAnswered` or `streamFailed`. */
  | {
      readonly kind: 'stream'
      readonly id: number
      readonly to: Endpoint
      readonly bytes: Uint8Array
      readonly timeoutMs: number
    }
  | { readonly kind: 'fact'; readonly fact: Fact }
  /** An order (`join`, `leave`, `setTags`) is done. `reached`: members that a join exchanged state with. */
  | { readonly kind: 'done'; readonly order: number; readonly reached: number; readonly problems: readonly string[] }
  /** Somebody answers a query of ours; without an answer: its time is over, and there will be no more. */
  | { readonly kind: 'answer'; readonly query: bigint; readonly answer?: QueryAnswer }
  /** Something outside is not as it should be; counted by reason already. */
  | { readonly kind: 'problem'; readonly reason: Problem; readonly detail: string; readonly from?: Endpoint }

export type Fact =
  | MembershipFact
  /** Somebody told everybody, perhaps we did. */
  | { readonly kind: 'userEvent'; readonly event: ToldEvent }
  /** Somebody asks us, perhaps we do. To be answered with `respond`, or not. */
  | { readonly kind: 'query'; readonly query: HeardQuery }
  /** Most others hold another member for the owner of our name, and it lives: we have to go. */
  | { readonly kind: 'nameLost'; readonly rival: Endpoint }

export type ToldEvent = Omit<UserEvent, 'kind'>

export interface HeardQuery extends Query {
  /** When the asker stops listening. */
  readonly deadlineMs: number
}

/** At most one of each kind from a member. */
export type QueryAnswer =
  | { readonly kind: 'ack'; readonly from: string }
  | { readonly kind: 'response'; readonly from: string; readonly payload: Uint8Array }

/** What becomes of the others; never about ourselves, except for a conflict over our name. */
export type MembershipFact =
  | { readonly kind: 'joined' | 'updated' | 'failed' | 'left' | 'reaped'; readonly member: Member }
  /** The last other alive member is gone. */
  | { readonly kind: 'alone' }
  /** There is another alive member again, or for the first time. */
  | { readonly kind: 'accompanied' }
  /** A second address claims the name of a live member; we keep to the first. */
  | { readonly kind: 'conflict'; readonly name: string; readonly known: Endpoint; readonly claimed: Endpoint }

export type Problem =
  /** Bytes that are no message, or not whole. */
  | 'malformed'
  /** Of another cluster, as far as we can tell: no key of ours opens it, it is not sealed, or has another label. */
  | 'foreign'
  /** A message that may not come this way. */
  | 'unexpected'
  /** Addressed to another name. */
  | 'misdirected'
  /** Values that no honest member sends: see `credible.ts` and `lamport.ts`. */
  | 'incredible'
  /** Protocol versions that we cannot share a cluster with. */
  | 'incompatible'
  /** An ack or nack that nobody waits for, usually late. */
  | 'unasked'
  /** A limit on what we keep or pass on is reached. */
  | 'excess'
  /** An exchange of state with another member did not work. */
  | 'exchangeFailed'
  /** A stream that was not over in time. */
  | 'slow'
  /** A packet that could not be handed to the network. */
  | 'unsent'
  /** A defect of ours that something from outside brought to light. */
  | 'crashed'
  /** A member answers on streams but not on packets. */
  | 'packetsBlocked'
