import { assign, fromCallback, sendParent, sendTo, setup } from 'xstate'
import type { GossipFact, GossipOrder, MemberFact, MembershipOrder, Reason } from './messages.ts'
import { reasonIn } from './reason.ts'

export interface MembershipContext {
  /** Attempts to reach anybody since the last success; the backoff grows with it. */
  readonly tries: number
  readonly address: string | null
  readonly reason: Reason | null
}

/** A node's place in the cluster: from binding the gossip port to leaving in peace. */
export const membershipMachine = setup({
  types: {
    context: {} as MembershipContext,
    events: {} as MembershipOrder | GossipFact | MemberFact,
  },
  actors: {
    /** Shell around the SWIM and Serf core: packets, streams, one wake-up timer. */
    gossip: fromCallback<GossipOrder>(() => {}),
  },
  actions: {
    /** Seeds, and members that were lost, in this run or in the one before. */
    contactOthers: sendTo('gossip', { type: 'contact' }),
    /** Seeds at whose address nobody is known: those who are there may have company of their own. */
    meetStrangers: sendTo('gossip', { type: 'meet' }),
    announceLeave: sendTo('gossip', { type: 'leave' }),
    noteAddress: assign(({ event }) => (event.type === 'gossip.bound' ? { address: event.address } : {})),
    countTry: assign(({ context }) => ({ tries: context.tries + 1 })),
    forgetTries: assign({ tries: 0 }),
    noteReason: assign(({ event }) => ({ reason: reasonIn(event) })),
    passOn: sendParent(({ event }) => event),
    tellJoined: sendParent({ type: 'membership.joined' }),
    tellLeft: sendParent({ type: 'membership.left' }),
    tellFailed: sendParent(({ context }) => ({ type: 'membership.failed', reason: context.reason })),
  },
  delays: {
    /** Grows with the tries, with jitter, for ever: the others may come up much later than we do. */
    joinBackoff: 1000,
    /** A node that lost everybody asks again this often. */
    rejoinInterval: 10_000,
    /** With jitter. Two halves of a cluster that came up apart find each other within this, once they can. */
    strangersInterval: 30_000,
    /** The rest of the cluster hears of a leave within this, or takes it for a failure. */
    leaveTimeout: 15_000,
  },
}).createMachine({
  id: 'membership',
  description: 'A place in the cluster: finding the others, staying, leaving in peace.',
  context: { tries: 0, address: null, reason: null },
  invoke: { id: 'gossip', src: 'gossip', onError: { target: '.failed', actions: 'noteReason' } },
  initial: 'binding',
  on: {
    'member.*': { actions: 'passOn' },
    'gossip.failed': { target: '.failed', actions: 'noteReason' },
  },
  states: {
    binding: {
      on: {
        'gossip.bound': { target: 'joining', actions: 'noteAddress' },
        leave: { target: 'left' },
      },
    },
    joining: {
      initial: 'contacting',
      on: {
        // Somebody else found us first.
        'gossip.accompanied': { target: 'alive' },
        leave: { target: 'leaving' },
      },
      states: {
        contacting: {
          entry: 'contactOthers',
          on: {
            'gossip.contacted': { target: '#membership.alive' },
            'gossip.unreached': { target: 'waiting', actions: ['noteReason', 'countTry'] },
          },
        },
        waiting: {
          after: { joinBackoff: { target: 'contacting' } },
        },
      },
    },
    alive: {
      entry: ['forgetTries', 'tellJoined'],
      initial: 'among',
      on: { leave: { target: 'leaving' } },
      states: {
        among: {
          on: { 'gossip.alone': { target: 'alone' } },
          after: { strangersInterval: { target: 'among', reenter: true, actions: 'meetStrangers' } },
        },
        alone: {
          on: { 'gossip.accompanied': { target: 'among' } },
          after: { rejoinInterval: { target: 'alone', reenter: true, actions: 'contactOthers' } },
        },
      },
    },
    leaving: {
      entry: 'announceLeave',
      on: { 'gossip.left': { target: 'left' } },
      after: { leaveTimeout: { target: 'left' } },
    },
    left: { type: 'final', entry: 'tellLeft' },
    failed: { type: 'final', entry: 'tellFailed' },
  },
})
