import { assign, enqueueActions, fromCallback, raise, sendTo, setup } from 'xstate'
import { membershipMachine } from './membership.ts'
import type {
  JournalFact,
  JournalOrder,
  MemberFact,
  MembershipFact,
  Peer,
  Reason,
  ReplicatorFact,
  ServerFact,
  SupervisorOrder,
} from './messages.ts'
import { reasonIn } from './reason.ts'
import { type Replica, reconcile } from './reconcile.ts'
import { replicatorMachine } from './replicator.ts'
import { serverMachine } from './server.ts'

export interface SupervisorInput {
  readonly node: string
  readonly epoch: string
}

export interface SupervisorContext {
  readonly node: string
  readonly epoch: string
  readonly rpcAddress: string | null
  readonly httpAddress: string | null
  /** Everybody gossip told us of who can be replicated from; `up` is false from a failure to the next sign of life. */
  readonly peers: readonly WantedPeer[]
  /** The replicators there are, and what was last ordered of and heard from each. */
  readonly replicas: readonly Replica[]
  /** Why the node stops; null for an orderly stop. */
  readonly reason: Reason | null
}

export interface WantedPeer extends Peer {
  readonly up: boolean
}

type Events =
  | SupervisorOrder
  | JournalFact
  | ServerFact
  | MembershipFact
  | MemberFact
  | ReplicatorFact
  | { readonly type: 'reconcile' }
  | { readonly type: `xstate.error.actor.replicator/${string}`; readonly error: unknown; readonly actorId: string }

/** The life of a node: which of its parts run, in which order, and which peers it copies from. */
export const supervisorMachine = setup({
  types: {
    input: {} as SupervisorInput,
    context: {} as SupervisorContext,
    events: {} as Events,
  },
  actors: {
    /** Opens the logs, keeps them, closes them. */
    journal: fromCallback<JournalOrder>(() => {}),
    server: serverMachine,
    membership: membershipMachine,
    replicator: replicatorMachine,
  },
  actions: {
    noteAddresses: assign(({ event }) =>
      event.type === 'server.listening' ? { rpcAddress: event.rpcAddress, httpAddress: event.httpAddress } : {},
    ),
    notePeer: assign(({ context, event }) => ({ peers: peersAfter(context, event) })),
    noteReplica: assign(({ context, event }) => ({ replicas: replicasAfter(context.replicas, event) })),
    noteReason: assign(({ event }) => ({ reason: reasonIn(event) })),
    /** What ended the node counts, not what came of it. */
    noteTimeout: assign(({ context: { reason } }) => ({
      reason: reason ?? { code: 'DEADLINE_EXCEEDED', message: 'the logs did not close in time' },
    })),
    forgetPeers: assign({ peers: [] }),
    /** Compares the replicators that are wanted with those that run, and stops, parks, resumes and spawns. */
    reconcile: enqueueActions(({ context, enqueue }) => {
      const { steps, replicas } = reconcile(context.peers, context.replicas)
      for (const { order, peer } of steps) {
        const id = `replicator/${peer.name}` as const
        if (order === 'stop') enqueue.stopChild(id)
        else if (order === 'spawn') enqueue.spawnChild('replicator', { id, input: { peer } })
        else enqueue.sendTo(id, order === 'park' ? { type: 'park' } : { type: 'resume', peer })
      }
      enqueue.assign({ replicas })
    }),
    /** A crashed replicator is spawned anew after a pause. */
    restartLater: raise({ type: 'reconcile' }, { id: 'restart', delay: 'restartPause' }),
    /** Decides which log is pulled from whom, and tells the replicators. */
    assignLogs: () => {},
    drainServer: sendTo('server', { type: 'drain' }),
    reloadServer: sendTo('server', { type: 'reload' }),
    leaveCluster: sendTo('membership', { type: 'leave' }),
    closeJournal: sendTo('journal', { type: 'close' }),
  },
  guards: {
    caughtUp: ({ context }) =>
      context.peers.every((peer) => !peer.up || context.replicas.some((r) => r.peer.name === peer.name && r.caughtUp)),
    failed: ({ context }) => context.reason !== null,
    /** Crashes of any other child are handled where it is invoked. */
    replicatorCrashed: ({ event }) => event.type.startsWith('xstate.error.actor.replicator/'),
  },
  delays: {
    /** A node serves even if nobody answers: its own part of the cluster is then just itself. */
    joinPatience: 5000,
    /** Peers that stay unreachable must not keep a node from being called ready for ever. */
    catchUpPatience: 60_000,
    leaveTimeout: 20_000,
    drainTimeout: 15_000,
    /** Logs that failed are not waited for: their disk may never answer. */
    closeTimeout: ({ context }) => (context.reason ? 1000 : 10_000),
    /** For the answers that are on their way: mostly that what was to be written was not. */
    failTimeout: 1000,
    restartPause: 1000,
  },
}).createMachine({
  id: 'supervisor',
  description: 'The life of a node: what runs, in which order, and whom it copies from.',
  context: ({ input }) => ({
    ...input,
    rpcAddress: null,
    httpAddress: null,
    peers: [],
    replicas: [],
    reason: null,
  }),
  invoke: { id: 'journal', src: 'journal', onError: { target: '.failed', actions: 'noteReason' } },
  initial: 'opening',
  on: {
    'journal.failed': { target: '.failed', actions: 'noteReason' },
  },
  states: {
    opening: {
      on: {
        'journal.opened': { target: 'up' },
        stop: { target: 'closing' },
      },
    },
    up: {
      invoke: { id: 'server', src: 'server', onError: { target: 'closing', actions: 'noteReason' } },
      initial: 'listening',
      on: {
        'server.failed': { target: 'closing', actions: 'noteReason' },
        'journal.failed': { target: '.failing', actions: 'noteReason' },
        reload: { actions: 'reloadServer' },
      },
      states: {
        listening: {
          on: {
            'server.listening': { target: 'clustered', actions: 'noteAddresses' },
            stop: { target: 'draining' },
          },
        },
        clustered: {
          invoke: {
            id: 'membership',
            src: 'membership',
            onError: { target: '#supervisor.closing', actions: 'noteReason' },
          },
          initial: 'joining',
          on: {
            'membership.failed': { target: '#supervisor.closing', actions: 'noteReason' },
            'member.*': { actions: ['notePeer', 'reconcile', 'assignLogs'] },
            'replicator.*': { actions: ['noteReplica', 'assignLogs'] },
            'xstate.error.actor.*': { guard: 'replicatorCrashed', actions: ['noteReplica', 'restartLater'] },
            reconcile: { actions: 'reconcile' },
          },
          exit: ['forgetPeers', 'reconcile'],
          states: {
            joining: {
              on: {
                'membership.joined': { target: 'running' },
                stop: { target: 'leaving' },
              },
              after: { joinPatience: { target: 'running' } },
            },
            running: {
              initial: 'catchingUp',
              on: { stop: { target: 'leaving' } },
              states: {
                catchingUp: {
                  always: { guard: 'caughtUp', target: 'serving' },
                  after: { catchUpPatience: { target: 'serving' } },
                },
                serving: {},
              },
            },
            leaving: {
              entry: 'leaveCluster',
              on: { 'membership.left': { target: '#supervisor.up.draining' } },
              after: { leaveTimeout: { target: '#supervisor.up.draining' } },
            },
          },
        },
        draining: {
          entry: 'drainServer',
          on: { 'server.closed': { target: '#supervisor.closing' } },
          after: { drainTimeout: { target: '#supervisor.closing' } },
        },
        failing: {
          entry: 'drainServer',
          on: {
            'server.closed': { target: '#supervisor.closing' },
            // The first one says why; stopping is what it does.
            'journal.failed': {},
          },
          after: { failTimeout: { target: '#supervisor.closing' } },
        },
      },
    },
    closing: {
      entry: 'closeJournal',
      on: {
        'journal.closed': [{ guard: 'failed', target: 'failed' }, { target: 'stopped' }],
      },
      after: { closeTimeout: { target: 'failed', actions: 'noteTimeout' } },
    },
    stopped: { type: 'final' },
    failed: { type: 'final' },
  },
})

function peersAfter({ node, peers }: SupervisorContext, event: Events): readonly WantedPeer[] {
  switch (event.type) {
    case 'member.joined':
    case 'member.updated':
    case 'member.failed': {
      if (event.peer.name === node) return peers
      const others = peers.filter((peer) => peer.name !== event.peer.name)
      return [...others, { ...event.peer, up: event.type !== 'member.failed' }]
    }
    case 'member.left':
    case 'member.reaped':
      return peers.filter((peer) => peer.name !== event.name)
    default:
      return peers
  }
}

function replicasAfter(replicas: readonly Replica[], event: Events): readonly Replica[] {
  if (event.type.startsWith('xstate.error.actor.')) {
    const crashed = (event as { actorId: string }).actorId.slice('replicator/'.length)
    return replicas.map((r) => (r.peer.name === crashed ? { ...r, order: 'crashed', crashes: r.crashes + 1 } : r))
  }
  if (!('name' in event)) return replicas
  const heard = (change: Partial<Replica>) =>
    replicas.map((r) => (r.peer.name === event.name ? { ...r, ...change } : r))
  switch (event.type) {
    case 'replicator.streaming':
      return heard({ streaming: true })
    case 'replicator.caughtUp':
      return heard({ caughtUp: true })
    case 'replicator.lost':
    case 'replicator.diverged':
      return heard({ streaming: false, caughtUp: false })
    default:
      return replicas
  }
}
