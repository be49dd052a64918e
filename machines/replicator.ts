import { assign, fromCallback, sendParent, sendTo, setup } from 'xstate'
import type { Peer, PullFact, PullOrder, Reason, ReplicatorOrder } from './messages.ts'
import { reasonIn } from './reason.ts'

export interface ReplicatorInput {
  readonly peer: Peer
}

export interface ReplicatorContext {
  readonly peer: Peer
  /** Failures since we last had all that the peer holds; the backoff grows with it. */
  readonly attempts: number
  readonly reason: Reason | null
}

/** Copies what one peer holds: dial, catch up, follow; wait and try again for ever. */
export const replicatorMachine = setup({
  types: {
    input: {} as ReplicatorInput,
    context: {} as ReplicatorContext,
    events: {} as ReplicatorOrder | PullFact,
  },
  actors: {
    /** The stream to the peer: frames go from it into the log without passing through here. */
    pull: fromCallback<PullOrder, { readonly peer: Peer }>(() => {}),
  },
  actions: {
    notePeer: assign(({ event }) => (event.type === 'resume' ? { peer: event.peer, attempts: 0 } : {})),
    noteReason: assign(({ event }) => ({ reason: reasonIn(event) })),
    noteTimeout: assign({ reason: { code: 'DEADLINE_EXCEEDED', message: 'the peer did not answer in time' } }),
    countAttempt: assign(({ context }) => ({ attempts: context.attempts + 1 })),
    forgetAttempts: assign({ attempts: 0, reason: null }),
    passOnAssignment: sendTo('pull', { type: 'assign' }),
    tellStreaming: sendParent(({ context }) => ({ type: 'replicator.streaming', name: context.peer.name })),
    tellCaughtUp: sendParent(({ context }) => ({ type: 'replicator.caughtUp', name: context.peer.name })),
    tellLost: sendParent(({ context }) => ({
      type: 'replicator.lost',
      name: context.peer.name,
      reason: context.reason,
    })),
    tellDiverged: sendParent(({ context }) => ({
      type: 'replicator.diverged',
      name: context.peer.name,
      reason: context.reason,
    })),
  },
  delays: {
    /** For the handshake and the first list of what the peer holds. */
    dialTimeout: 10_000,
    /** Doubles with the attempts up to a ceiling, with jitter. */
    backoff: 500,
    /** The contradicting log is left out from then on. */
    divergedPause: 5000,
  },
}).createMachine({
  id: 'replicator',
  description: 'Copies what one peer holds, batch by batch, from wherever our own copies end.',
  context: ({ input }) => ({ peer: input.peer, attempts: 0, reason: null }),
  initial: 'pulling',
  on: {
    park: { target: '.parked' },
    resume: { target: '.pulling', actions: 'notePeer' },
  },
  states: {
    pulling: {
      invoke: {
        id: 'pull',
        src: 'pull',
        input: ({ context }) => ({ peer: context.peer }),
        onError: { target: 'backoff', actions: ['noteReason', 'countAttempt'] },
      },
      initial: 'dialing',
      on: {
        'pull.failed': { target: 'backoff', actions: ['noteReason', 'countAttempt'] },
        'pull.diverged': { target: 'diverged', actions: 'noteReason' },
      },
      states: {
        dialing: {
          on: { 'pull.opened': { target: 'streaming' } },
          after: { dialTimeout: { target: '#replicator.backoff', actions: ['noteTimeout', 'countAttempt'] } },
        },
        streaming: {
          entry: ['tellStreaming', 'passOnAssignment'],
          initial: 'catchingUp',
          on: {
            assign: { actions: 'passOnAssignment' },
            'pull.holdingsChanged': { actions: 'tellStreaming' },
          },
          states: {
            catchingUp: {
              on: { 'pull.caughtUp': { target: 'live' } },
            },
            live: {
              // Not before: a full disk of ours lets every stream open, and none go on.
              entry: ['forgetAttempts', 'tellCaughtUp'],
              on: { 'pull.fellBehind': { target: 'catchingUp' } },
            },
          },
        },
      },
    },
    backoff: {
      entry: 'tellLost',
      after: { backoff: { target: 'pulling' } },
    },
    parked: {
      entry: 'tellLost',
    },
    diverged: {
      entry: 'tellDiverged',
      after: { divergedPause: { target: 'pulling' } },
    },
  },
})
