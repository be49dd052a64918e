/** What a Serf member does for whoever runs it, whether it gossips itself or speaks for an agent of this machine. */

import type { Address } from '../env/env.ts'
import type { Coordinate } from '../gossip/coordinate.ts'
import type { MembershipFact, QueryAnswer, ToldEvent } from '../gossip/effects.ts'
import type { KeyResult } from '../gossip/key-tally.ts'
import type { Member } from '../gossip/member.ts'

export type { KeyResult }

export interface SerfMember {
  readonly name: string
  /** Where others find us: the advertised address. */
  readonly address: Address
  /** All we know of, ourselves first among them until we are gone. */
  members(): Member[]
  /**
   * One attempt to exchange state with every address of every seed; resolves with how many it worked with. Our own
   * address is passed over, so that all nodes may be given the same list; 0 when it is the only one. `replay`: user
   * events of before are told, too. Rejects with `UNAVAILABLE` when there are others and none of them could be reached
   * or would have us.
   */
  join(seeds: readonly string[], options?: { readonly replay?: boolean }): Promise<number>
  /**
   * One attempt at seeds where nobody is known, whether alive or gone: members that came up apart from us may be among
   * themselves there. Costs nothing when all seeds are known, and little when nobody is where a seed points to; meant to
   * be called again and again. Resolves with how many answered, and rejects with `NODE_STOPPING` only.
   */
  meet(seeds: readonly string[]): Promise<number>
  /** Resolves once the others have had time to hear it. The member goes on answering until `close`. */
  leave(): Promise<void>
  /**
   * Declares a failed member left, so that nobody tries to reach it again; one that is alive contradicts. Any name, known
   * or not. `prune`: forget it at once. Resolves once the others should have heard; rejects with `DEADLINE_EXCEEDED`
   * when it was not sent often enough in time, though it may have been heard.
   */
  forceLeave(name: string, options?: { readonly prune?: boolean }): Promise<void>
  /** Resolves once the others should have heard. Rejects with `REQUEST_MALFORMED` when they take more than 512 bytes. */
  setTags(tags: ReadonlyMap<string, string>): Promise<void>
  /**
   * Tells every member, ourselves included; resolves once it is on its way. `coalesce`: receivers may take the newest
   * of several with this name for all of them; default false. Rejects with `REQUEST_MALFORMED` above 512 bytes.
   */
  sendEvent(name: string, payload?: Uint8Array, options?: { readonly coalesce?: boolean }): Promise<void>
  /** Asks every member that the filters match, ourselves included. Throws `REQUEST_MALFORMED`, above 1024 bytes too. */
  query(name: string, payload?: Uint8Array, options?: QueryOptions): Query
  /** The keys of all members that encrypt their gossip; a key is base64 text of 16, 24 or 32 bytes. */
  readonly keys: SerfKeys
  /** As our own measurements have it; undefined: not known. */
  coordinate(name: string): Promise<Coordinate | undefined>
  /** Estimated round trip in ms; `b` default: ourselves. */
  rtt(a: string, b?: string): Promise<number | undefined>
  /** Releases everything at once. Without `leave` the others will see a failure. */
  close(): void
}

export interface QueryOptions {
  /** Only members of these names; empty: all. */
  readonly filterNodes?: readonly string[]
  /** Only members whose tags match: regular expressions in RE2's syntax, found anywhere in the tag's value. */
  readonly filterTags?: ReadonlyMap<string, string>
  /** Every member that the filters match says that it has heard. */
  readonly requestAck?: boolean
  /** Answers also come through this many other members each, 0 to 255. */
  readonly relayFactor?: number
  /** How long answers are taken; default: by the size of the cluster (3.2 s for up to nine members of a LAN). */
  readonly timeoutMs?: number
}

/** Ends at its deadline; leaving the loop early stops listening. To be read once. */
export interface Query extends AsyncIterable<QueryAnswer> {
  readonly id: number
  /** On the environment's monotonic clock. */
  readonly deadlineMs: number
  /** How many members there were to hear it, ourselves included, whatever the filters say. */
  readonly expected: number
}

export type { QueryAnswer } from '../gossip/effects.ts'

/** A query for us. */
export interface ReceivedQuery {
  readonly name: string
  readonly payload: Uint8Array
  readonly lTime: bigint
  /** Who asks; empty when it does not say. */
  readonly from: string
  /** On the environment's monotonic clock. */
  readonly deadlineMs: number
  /** Once, in time, at most about 1000 bytes. Throws `REQUEST_MALFORMED` or `DEADLINE_EXCEEDED`. */
  respond(payload: Uint8Array): void
}

/** Told one by one, in order. */
export type SerfFact =
  | MembershipFact
  | { readonly kind: 'userEvent'; readonly event: ToldEvent }
  /** Serf's own queries (`_serf_…`) are answered inside and never told. */
  | { readonly kind: 'query'; readonly query: ReceivedQuery }

/**
 * First `install` a new key, then `use` it, then `remove` the old one, each once the one before worked on every member.
 * A result with errors, or with fewer responses than nodes, is no success; each may be repeated. `use` and `remove` do
 * nothing at all while that would lock out a member that is alive, and say so in its name. Keys and results hold whole
 * keys: they are not for logs. Reject with `REQUEST_MALFORMED` when the text is no key.
 */
export interface SerfKeys {
  install(key: string): Promise<KeyResult>
  use(key: string): Promise<KeyResult>
  remove(key: string): Promise<KeyResult>
  list(): Promise<KeyResult>
}
