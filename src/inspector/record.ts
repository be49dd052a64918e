/**
 * What a node tells about itself while it runs: one record for each thing that happened, plain JSON, the same in the
 * recorder's ring, on the way to a browser, between nodes and in a trace file.
 *
 * The state of a node at any moment follows from a `snapshot` and the records behind it: `src/inspector/replay.ts` does
 * that. Nothing here is ever a secret, and no record or message that users wrote is ever in here, only its size and hash.
 */

import type { NodeFacts } from './facts.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export type TraceRecord =
  | SnapshotRecord
  | StartedRecord
  | TransitionRecord
  | StoppedRecord
  | HeardRecord
  | FactsRecord
  | NoteRecord
  | GapRecord
  | RelayRecord

/** Whose record it is, and which in its order. */
export interface Stamp {
  /** Name of the node. */
  readonly node: string
  /** The run of that node: another epoch is another run, whose sequence begins anew. */
  readonly epoch: string
  /**
   * Counts a run's records of all kinds from 1, without holes: what is missing was lost on the way, and a `gap` says so.
   * A `snapshot` carries the sequence of the last record that is in it (0: before all) and counts as none itself.
   */
  readonly sequence: number
  /** Milliseconds since 1970 by that node's own clock; may step back with it. Order by `sequence`. */
  readonly atMs: number
}

/**
 * The ids from the root to the actor, joined by slashes: `supervisor`, `supervisor/membership/gossip`,
 * `supervisor/replicator/b`, `supervisor/replicator/b/pull`. Of one path at most one actor lives at a time: the
 * `started` of the next follows the `stopped` of the one before. Not to be taken apart: `parent` says where it belongs.
 */
export type ActorPath = string

/** An actor was born and began. */
export interface StartedRecord extends Stamp {
  readonly kind: 'started'
  readonly actor: ActorPath
  /** Null: the root. */
  readonly parent: ActorPath | null
  /** The last part of its path: `replicator/b`. */
  readonly id: string
  /** Which drawing shows it: supervisor, membership, replicator, server. Null: a shell, which has no states. */
  readonly chart: string | null
  /** The placeholder it fills in its parent's chart: gossip, pull, listener, journal, load, replicator … */
  readonly logic: string
  /** See `TransitionRecord.after`; none for a shell. */
  readonly after: readonly string[]
  /** Its whole context; see `TransitionRecord.context`. */
  readonly context: { readonly [key: string]: Json }
  readonly sent: readonly SentMessage[]
}

/** An actor with a chart handled one event, whether that led anywhere or not. */
export interface TransitionRecord extends Stamp {
  readonly kind: 'transition'
  readonly actor: ActorPath
  readonly event: ShownEvent
  /** Who sent the event. The actor itself: its timer, or an event it raised. Null: from outside all actors. */
  readonly from: ActorPath | null
  /** The innermost active states, by their ids in the drawings (`membership.alive.among`); one for each region. */
  readonly before: readonly string[]
  readonly after: readonly string[]
  /**
   * The transitions taken, by their ids in the drawings (`membership.joining:leave:0`), in their order: those that follow
   * from the first (`always`, raised events) are behind it. Empty: nothing listens to this event now.
   */
  readonly taken: readonly string[]
  /** The messages that this led to. */
  readonly sent: readonly SentMessage[]
  /**
   * The context's entries that changed, whole. Secrets are replaced by `Hidden`, what is large by `Elided`. Absent: none
   * changed.
   */
  readonly context?: { readonly [key: string]: Json }
}

export interface SentMessage {
  readonly to: ActorPath
  /** The event's type. What an actor with a chart makes of it is its own record; a shell leaves none. */
  readonly type: string
}

/** An actor is no more. What was inside it is stopped by records of its own. */
export interface StoppedRecord extends Stamp {
  readonly kind: 'stopped'
  readonly actor: ActorPath
  /** `done`: it came to its end. `stopped`: by its parent. `error`: it crashed. */
  readonly status: 'done' | 'stopped' | 'error'
  /** Why, where it crashed. */
  readonly reason?: ShownReason
}

/** An event as it is shown: small harmless fields as they are, the rest as its size. */
export interface ShownEvent {
  readonly type: string
  /**
   * By dotted path: `name`, `peer.name`, `peer.epoch`, `peer.address`, `reason.code`, `reason.message`, `rpcAddress` …
   * Texts are cut at 300 characters. Absent: none.
   */
  readonly fields?: { readonly [path: string]: string | number | boolean | null }
  /** All that is not in `fields`. Absent: nothing. */
  readonly rest?: Elided
}

/** Stands for what is not shown: its JSON's length in UTF-8, or a byte array's, and 16 hexadecimal digits (XXH64). */
export interface Elided {
  readonly bytes: number
  readonly hash: string
}

/** Stands for what looked like a key, a certificate, a password or a token: not even its hash is told. */
export interface Hidden {
  readonly hidden: true
}

export interface ShownReason {
  readonly code: string
  readonly message: string
}

/** A user event or a query of Serf's that was heard by gossip. */
export interface HeardRecord extends Stamp {
  readonly kind: 'heard'
  readonly what: 'event' | 'query'
  readonly name: string
  /** A query's asker; empty: it does not say. Absent: an event, which says no sender. */
  readonly from?: string
  /** The Lamport time, in decimal. */
  readonly lTime: string
  readonly payload: Elided
}

/** What is no transition: the parts that changed since the last one of this run. */
export interface FactsRecord extends Stamp {
  readonly kind: 'facts'
  /** Every part that is present replaces what the node said of it before, but `logs`: see there. */
  readonly facts: NodeFacts
}

/** Something that happened around the actors, in a sentence: a fault that a simulation made, a node that was killed. */
export interface NoteRecord extends Stamp {
  readonly kind: 'note'
  readonly text: string
  /**
   * `fault`: one that was made. `broken`: a promise that was not kept. `run`: how all of it goes, `verdict`: what came of it.
   * These are of all nodes, whoever carries them. Absent: something of the node's own.
   */
  readonly about?: 'fault' | 'broken' | 'run' | 'verdict'
}

/** Where a node stood at one moment: all living actors and all facts. What came before is not needed any more. */
export interface SnapshotRecord extends Stamp {
  readonly kind: 'snapshot'
  /** Parents stand before their children. */
  readonly actors: readonly ActorView[]
  /** Every part that the node had told, `logs` with `whole`. */
  readonly facts: NodeFacts
}

export interface ActorView {
  readonly actor: ActorPath
  readonly parent: ActorPath | null
  readonly id: string
  readonly chart: string | null
  readonly logic: string
  /** The innermost active states; see `TransitionRecord.after`. */
  readonly states: readonly string[]
  readonly context: { readonly [key: string]: Json }
  /** Sequence and time of its `started`. */
  readonly startedAt: number
  readonly startedMs: number
  /** Events handled since then. */
  readonly handled: number
}

/** Records that whoever reads this will not get: `first` to `last`, both included. A `snapshot` of the node follows. */
export interface GapRecord {
  readonly kind: 'gap'
  readonly node: string
  readonly epoch: string
  readonly first: number
  readonly last: number
  /** `slow`: the reader did not keep up. `forgotten`: the node's ring no longer had them. `away`: nobody could be asked. */
  readonly why: 'slow' | 'forgotten' | 'away'
}

/** What became of asking a peer for its records: said by the node that serves the page, when it changes. */
export interface RelayRecord {
  readonly kind: 'relay'
  /** The node that asks. */
  readonly by: string
  /** The peer. */
  readonly node: string
  /** By the clock of `by`. */
  readonly atMs: number
  /**
   * `asking`: no answer yet. `open`: its records are coming. `refused`: we have no right to see them. `unsupported`: it
   * runs no inspector, or an older version. `away`: it cannot be reached; asked again. `gone`: it is no member any more.
   */
  readonly state: 'asking' | 'open' | 'refused' | 'unsupported' | 'away' | 'gone'
  readonly reason?: ShownReason
}

/** What `/inspector/snapshot` answers: every node as far as the one that serves the page knows. */
export interface ClusterSnapshot {
  /** The node that serves the page. */
  readonly self: string
  readonly nodes: readonly SnapshotRecord[]
  readonly relays: readonly RelayRecord[]
}

/** The first line of a trace file; every other line is a `TraceRecord`. Lines end with \n, the text is UTF-8. */
export interface TraceHeader {
  readonly format: 'reeve-trace'
  readonly version: 1
  /** When it was written, ms since 1970. */
  readonly atMs: number
  /** What wrote it: `node a`, `reeve sim --seed 7`. For people. */
  readonly by: string
}
