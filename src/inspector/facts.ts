/** What a node tells of itself that is no transition, in parts. A part that is absent has not changed, or is not told. */
export interface NodeFacts {
  readonly node?: NodePart
  readonly members?: readonly MemberFacts[]
  readonly gossip?: GossipPart
  readonly logs?: LogsPart
  readonly links?: readonly LinkFacts[]
  readonly server?: ServerPart
  readonly load?: LoadPart
  readonly disk?: DiskPart
  readonly alarms?: readonly Alarm[]
}

/** What stays as it is for a whole run, and the phase. */
export interface NodePart {
  /** Of Reeve, such as 0.1.0. */
  readonly version: string
  readonly cluster: string
  readonly durability: 'fsync' | 'os'
  /** starting, catchingUp, serving, draining, stopped. */
  readonly phase: string
  readonly rpcAddress: string | null
  readonly httpAddress: string | null
  readonly gossipAddress: string | null
  readonly serfRpcAddress: string | null
}

/** A member as this node sees it; in the order of their names, at most 1,000 of them. */
export interface MemberFacts {
  readonly name: string
  /** host:port of its gossip. */
  readonly address: string
  /** `suspect`: did not answer lately, and may still. */
  readonly status: 'alive' | 'suspect' | 'leaving' | 'left' | 'failed'
  /** Null: not known here. */
  readonly incarnation: number | null
  /** Estimated round trip; null: not known. */
  readonly rttMs: number | null
  readonly tags: { readonly [key: string]: string }
}

export interface GossipPart {
  /** 0: fine; up to 7: this node seems to be slow itself. */
  readonly health: number
  readonly incarnation: number
  /** Lamport times, in decimal. */
  readonly memberTime: string
  readonly eventTime: string
  readonly queryTime: string
  readonly stalls: { readonly count: number; readonly totalMs: number }
  /**
   * How often since the start members were suspected, by this node and by others; refuted it; did not; and others
   * suspected this node. Absent in records of an older version.
   */
  readonly suspicions?: {
    readonly raised: number
    readonly heard: number
    readonly refuted: number
    readonly confirmed: number
    readonly ofUs: number
  }
  /** How often a member came back within a minute after it had failed. Absent in records of an older version. */
  readonly flaps?: number
  /** Broadcasts waiting to be sent often enough. */
  readonly queued: {
    readonly nodes: number
    readonly intents: number
    readonly queries: number
    readonly events: number
  }
  /** How often each thing went wrong outside. */
  readonly problems: { readonly [problem: string]: number }
}

/** The logs of this node. Each entry replaces the one of the same log; `whole`: there are no others. */
export interface LogsPart {
  readonly whole: boolean
  readonly entries: readonly LogFacts[]
  /** Logs that there are but that are not told: more than 500, the ones that changed last first. */
  readonly omitted: number
}

/** A log: what the run `epoch` of the node `origin` wrote to one topic. */
export interface LogFacts {
  readonly topic: string
  readonly origin: string
  readonly epoch: string
  /** Written by this very run. */
  readonly own: boolean
  /** First offset that is still here. */
  readonly start: number
  /** First offset that is not here yet. */
  readonly end: number
  readonly bytes: number
  /**
   * Ends of this log elsewhere, by peer, as that peer last told this node: what it has on its disk of a log of ours, how
   * far it reaches beyond us for another's. A peer that is not here told nothing that is of interest.
   */
  readonly peers: { readonly [peer: string]: number }
}

/** Replication from one peer to this node. */
export interface LinkFacts {
  readonly peer: string
  readonly address: string
  /** dialing, catchingUp, live, backoff, parked, diverged. */
  readonly state: string
  /** Records that the peer has of what is pulled from it, and this node has not yet. */
  readonly lagRecords: number
  /** Logs of which that is so. */
  readonly lagLogs: number
  /**
   * How far the peer's clock is ahead of this node's, in whole ms; below zero: behind. It may be more or less by `withinMs`.
   * Absent: not known.
   */
  readonly clock?: { readonly skewMs: number; readonly withinMs: number }
}

export interface ServerPart {
  /** Calls under way, long streams included. */
  readonly calls: number
  /** Pages that watch this node's inspector, directly. */
  readonly watchers: number
  /** Those that took a second or longer so far, the oldest 32 groups; absent: there are none. */
  readonly long?: readonly LongCalls[]
}

/** Calls of one caller to one method. */
export interface LongCalls {
  /** As `Consume`. */
  readonly method: string
  /** The subject of the caller's certificate, or the host that it calls from. */
  readonly from: string
  readonly calls: number
  /** Since when the oldest is under way: ms since 1970, to the second. */
  readonly sinceMs: number
}

/** Over the last period, about a second. */
export interface LoadPart {
  readonly periodMs: number
  /** How late the node's own timer came, at worst: what everybody on this event loop waited. */
  readonly loopDelayMs: number
  /** Records that became durable here: written by this node, and copied from others. */
  readonly written: number
  readonly copied: number
  /** Absent: there was none. */
  readonly syncs?: SyncLoad
}

/** Fsyncs of logs; the quantiles are those of the last 512. */
export interface SyncLoad {
  readonly count: number
  readonly medianMs: number
  /** 99 of 100 took no longer. Absent in records of an older version. */
  readonly p99Ms?: number
  readonly maxMs: number
}

/** The file system of the data folder; absent where it does not say. */
export interface DiskPart {
  readonly totalBytes: number
  /** What the node may still fill, to three digits; looked at every ten seconds. */
  readonly freeBytes: number
}

export interface Alarm {
  /**
   * `disk`: full, or refuses writes. `space`: the disk is nearly full. `link`: a peer that is alive cannot be copied from,
   * or is far ahead, for a minute. `damage`: found and not mended. `certificate`: ends soon, or has ended. `reload`:
   * changed certificates or rules that are unusable. `diverged`: a peer's copy contradicts ours. `clock`: that of
   * another node is ahead of ours or behind it, or its records are ahead. `slow`: the event loop stood still.
   */
  readonly what: 'disk' | 'space' | 'link' | 'damage' | 'certificate' | 'reload' | 'diverged' | 'clock' | 'slow'
  readonly severity: 'warning' | 'error'
  /** A sentence. */
  readonly text: string
  /** Since when, ms since 1970. */
  readonly sinceMs: number
}
