/** A member as a function of bytes and time, for whoever drives it: what goes in, what comes out. */

import type { OpenQuery, Question } from './asking.ts'
import type { Coordinate } from './coordinate.ts'
import type { Effect, HeardQuery, Problem } from './effects.ts'
import type { Endpoint } from './ip.ts'
import type { Keyring } from './keyring.ts'
import type { Member } from './member.ts'
import type { Profile } from './profile.ts'
import type { Sealing } from './sealing.ts'
import type { Times } from './snapshot-record.ts'
import type { Memory } from './snapshot-replay.ts'
import type { StreamMessage } from './stream-codec.ts'
import type { SuspicionCounts } from './suspicions.ts'

export interface GossipCoreConfig {
  readonly name: string
  /** What we tell the others; an IP address in text. */
  readonly advertise: Endpoint
  readonly tags: ReadonlyMap<string, string>
  readonly profile: Profile
  /** Of what we send; others' compression is always understood. */
  readonly compression: boolean
  /** False: we tell nobody where we stand in the network, and do not learn where the others do. Default true. */
  readonly coordinates?: boolean
  /** What an earlier run knew. */
  readonly memory?: Memory
  /** Default: neither keys nor a label. */
  readonly sealing?: Sealing
  /** That of `sealing`, where it has keys. */
  readonly keyring?: Keyring
}

export interface GossipStats {
  /** 0: fine; up to 7: we seem to be slow ourselves. */
  readonly health: number
  readonly incarnation: number
  readonly memberTime: bigint
  readonly eventTime: bigint
  readonly queryTime: bigint
  /** How often we did not run although something was due, and how long altogether. */
  readonly stalls: { readonly count: number; readonly totalMs: number }
  /** How often our own coordinate was useless and begun anew. */
  readonly coordinateResets: number
  /** Nodes in failure detection's list, ourselves included. */
  readonly nodes: number
  /** By name. Suspected: did not answer lately, and may still say that it lives. */
  readonly detected: ReadonlyMap<string, { readonly suspect: boolean; readonly incarnation: number }>
  readonly suspicions: SuspicionCounts
  /** How often a member came back within a minute after it had failed. */
  readonly flaps: number
  /** Broadcasts waiting to be sent often enough. */
  readonly queued: {
    readonly nodes: number
    readonly intents: number
    readonly queries: number
    readonly events: number
  }
  /** How often each thing went wrong outside; what is not here never did. */
  readonly problems: ReadonlyMap<Problem, number>
}

export interface JoinManner {
  /** Their user events are news. */
  readonly replay: boolean
  /** All are told of us only if somebody new came by it. Default false. */
  readonly quiet?: boolean
}

/** Called once, now or from a `wake` soon: what to answer, if anything, before the stream is closed. */
export type Reply = (bytes?: Uint8Array) => void

/** Every method that takes `nowMs` (monotonic) may make effects: `take` them right after, and ask `nextWakeMs` again. */
export interface GossipCore {
  receivePacket(bytes: Uint8Array, from: Endpoint, nowMs: number): void
  /** The message of a stream that somebody opened to us. */
  receiveStream(message: StreamMessage, from: Endpoint, nowMs: number, reply: Reply): void
  /** The answer on a stream that an effect asked for. `key`: of ours, that the answer was sealed with. */
  streamAnswered(id: number, message: StreamMessage, nowMs: number, key?: Uint8Array): void
  /** `refused`: the host answered that nobody listens there. */
  streamFailed(id: number, problem: string, nowMs: number, refused?: boolean): void
  sendFailed(probe: number, nowMs: number): void
  /** What became of the keys that the keyring wanted stored. */
  keysStored(nowMs: number, problem?: string): void
  /** Does what is due. */
  wake(nowMs: number): void
  nextWakeMs(): number
  take(): Effect[]
  /** Orders; each returns a number that a `done` effect will carry. */
  join(seeds: readonly Endpoint[], manner: JoinManner, nowMs: number): number
  /** Answers go on until the caller stops calling. The second time it is the same order. */
  leave(nowMs: number): number
  /** Throws `REQUEST_MALFORMED` when they take more than 512 bytes. */
  setTags(tags: ReadonlyMap<string, string>, nowMs: number): number
  /** The problems of its `done` say when it was not sent often enough in time. */
  forceLeave(name: string, prune: boolean, nowMs: number): number
  /** Asks all; `answer` effects carry the query's Lamport time. Throws `REQUEST_MALFORMED`. */
  query(question: Question, nowMs: number): OpenQuery
  /** No more `answer` effects of it. */
  forgetQuery(lTime: bigint, nowMs: number): void
  /** Answers a query that a fact told. Throws `REQUEST_MALFORMED` or `DEADLINE_EXCEEDED`. */
  respond(query: HeardQuery, payload: Uint8Array, nowMs: number): void
  /** To all, ourselves first. Throws `REQUEST_MALFORMED` above 512 bytes. */
  sendEvent(name: string, payload: Uint8Array, coalesce: boolean, nowMs: number): void
  members(): Member[]
  /** Where a member stands in the network, by our own measurements; undefined: not known. */
  coordinate(name: string): Coordinate | undefined
  /** The estimated round trip between two members; undefined: we do not know where both stand. */
  rttMs(a: string, b: string): number | undefined
  /** The newest time seen on each clock. */
  times(): Times
  stats(): GossipStats
}
