/**
 * What actors say to each other. Facts go up to the parent (`noun.verbed`), orders go down to a child (bare
 * imperatives); siblings do not know each other. Messages and contexts are plain JSON: handles (sockets, files,
 * sessions) stay in the shells' closures, and records never travel here.
 */

/** A member of the cluster that runs Reeve: someone to replicate from. */
export interface Peer {
  readonly name: string
  /** The run of that node; changes when it restarts. */
  readonly epoch: string
  /** host:port of its RPC listener. */
  readonly address: string
}

/** Why something ended badly: a code of the error table and a sentence. */
export interface Reason {
  readonly code: string
  readonly message: string
}

// --- the supervisor and its children ---------------------------------------------------------------------------------

export type SupervisorOrder = { readonly type: 'stop' } | { readonly type: 'reload' }

export type JournalFact =
  | { readonly type: 'journal.opened' }
  | { readonly type: 'journal.closed' }
  | { readonly type: 'journal.failed'; readonly reason: Reason }

export type JournalOrder = { readonly type: 'close' }

export type ServerFact =
  | { readonly type: 'server.listening'; readonly rpcAddress: string; readonly httpAddress: string | null }
  | { readonly type: 'server.closed' }
  | { readonly type: 'server.failed'; readonly reason: Reason }

export type ServerOrder = { readonly type: 'drain' } | { readonly type: 'reload' }

export type MembershipFact =
  | { readonly type: 'membership.joined' }
  | { readonly type: 'membership.left' }
  | { readonly type: 'membership.failed'; readonly reason: Reason }

export type MembershipOrder = { readonly type: 'leave' }

/** `failed`: it may come back; `left` and `reaped`: it will not, under this epoch. */
export type MemberFact =
  | { readonly type: 'member.joined'; readonly peer: Peer }
  | { readonly type: 'member.updated'; readonly peer: Peer }
  | { readonly type: 'member.failed'; readonly peer: Peer }
  | { readonly type: 'member.left'; readonly name: string }
  | { readonly type: 'member.reaped'; readonly name: string }

export type ReplicatorFact =
  /** The stream is up, or what that peer holds has changed: who pulls what is to be decided anew. */
  | { readonly type: 'replicator.streaming'; readonly name: string }
  /** Everything this peer was asked for has arrived. */
  | { readonly type: 'replicator.caughtUp'; readonly name: string }
  /** The stream is gone; another try follows by itself. */
  | { readonly type: 'replicator.lost'; readonly name: string; readonly reason: Reason }
  /** Its copy of a log contradicts ours. */
  | { readonly type: 'replicator.diverged'; readonly name: string; readonly reason: Reason }

export type ReplicatorOrder =
  | { readonly type: 'park' }
  /** Dial (again), now, with what is known of the peer by now. */
  | { readonly type: 'resume'; readonly peer: Peer }
  /** What is wanted from this peer has changed. */
  | { readonly type: 'assign' }

// --- membership and its gossip ---------------------------------------------------------------------------------------

export type GossipFact =
  | { readonly type: 'gossip.bound'; readonly address: string }
  /** A seed or a member of before answered a join, or there is nobody to ask. */
  | { readonly type: 'gossip.contacted' }
  | { readonly type: 'gossip.unreached'; readonly reason: Reason }
  /** No other member is alive any more, or one is (again). */
  | { readonly type: 'gossip.alone' }
  | { readonly type: 'gossip.accompanied' }
  | { readonly type: 'gossip.left' }
  | { readonly type: 'gossip.failed'; readonly reason: Reason }

export type GossipOrder =
  /** Seeds, and members that were lost. */
  | { readonly type: 'contact' }
  /** Seeds at whose address no member is known. */
  | { readonly type: 'meet' }
  | { readonly type: 'leave' }

// --- the server and its listener -------------------------------------------------------------------------------------

export type ListenerFact =
  | { readonly type: 'listener.bound'; readonly rpcAddress: string; readonly httpAddress: string | null }
  | { readonly type: 'listener.drained' }
  | { readonly type: 'listener.failed'; readonly reason: Reason }

export type ListenerOrder = { readonly type: 'drain' }

// --- a replicator and its pull ---------------------------------------------------------------------------------------

export type PullFact =
  /** The peer is who we meant to call, and said what it holds. */
  | { readonly type: 'pull.opened' }
  | { readonly type: 'pull.holdingsChanged' }
  | { readonly type: 'pull.caughtUp' }
  | { readonly type: 'pull.fellBehind' }
  | { readonly type: 'pull.diverged'; readonly reason: Reason }
  | { readonly type: 'pull.failed'; readonly reason: Reason }

export type PullOrder = { readonly type: 'assign' }
