/**
 * The timing of a cluster, as memberlist and Serf ship it for three kinds of network. All members of a cluster should
 * use the same one.
 */

export interface Profile {
  /** Everything on one stream, from connecting to the answer. */
  readonly streamTimeoutMs: number
  /** Helpers asked to ping a member that did not answer us. */
  readonly indirectChecks: number
  /** A broadcast is sent this often times the digits of the cluster's size. */
  readonly retransmitMult: number
  readonly suspicionMult: number
  readonly suspicionMaxTimeoutMult: number
  readonly pushPullIntervalMs: number
  readonly probeIntervalMs: number
  /** Wait for a direct ack before helpers are asked. */
  readonly probeTimeoutMs: number
  /** What is done so much later than planned was held up: we did not run meanwhile, see `stall.ts`. Infinity: never. */
  readonly stallMs: number
  /** Health scores go from 0 to this, exclusive. */
  readonly awarenessMaxMultiplier: number
  /** Members told in one gossip round. */
  readonly gossipNodes: number
  readonly gossipIntervalMs: number
  /** How long the dead are still told what is said about them, and stay in the list. */
  readonly gossipToTheDeadMs: number
  /** 0: a failed name comes back only at its old address until its record expires; otherwise after this time. */
  readonly deadNodeReclaimMs: number
  /** Longest wait for one of our own broadcasts to be sent often enough. */
  readonly broadcastTimeoutMs: number
  /** How long a leaving member goes on answering, so that its goodbye spreads. */
  readonly leavePropagateMs: number
  readonly reapIntervalMs: number
  readonly reconnectIntervalMs: number
  /** A failed member is forgotten after this. */
  readonly reconnectTimeoutMs: number
  /** A member that left is forgotten after this. */
  readonly tombstoneTimeoutMs: number
  /** Intents about members we do not know yet are kept this long. */
  readonly recentIntentTimeoutMs: number
}

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

const lan: Profile = {
  streamTimeoutMs: 10_000,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullIntervalMs: 30_000,
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  stallMs: 50,
  awarenessMaxMultiplier: 8,
  gossipNodes: 3,
  gossipIntervalMs: 200,
  gossipToTheDeadMs: 30_000,
  deadNodeReclaimMs: 0,
  broadcastTimeoutMs: 5_000,
  leavePropagateMs: 1_000,
  reapIntervalMs: 15_000,
  reconnectIntervalMs: 30_000,
  reconnectTimeoutMs: dayMs,
  tombstoneTimeoutMs: dayMs,
  recentIntentTimeoutMs: 5 * minuteMs,
}

export const profiles = {
  lan,
  wan: {
    ...lan,
    streamTimeoutMs: 30_000,
    suspicionMult: 6,
    pushPullIntervalMs: 60_000,
    probeIntervalMs: 5_000,
    probeTimeoutMs: 3_000,
    stallMs: 300,
    gossipNodes: 4,
    gossipIntervalMs: 500,
    gossipToTheDeadMs: 60_000,
  },
  local: {
    ...lan,
    streamTimeoutMs: 1_000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    pushPullIntervalMs: 15_000,
    probeTimeoutMs: 200,
    stallMs: 20,
    gossipIntervalMs: 100,
    gossipToTheDeadMs: 15_000,
  },
} as const satisfies Record<string, Profile>

export type ProfileName = keyof typeof profiles
