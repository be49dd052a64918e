import { assign, fromCallback, fromPromise, sendParent, sendTo, setup } from 'xstate'
import type { ListenerFact, ListenerOrder, Reason, ServerOrder } from './messages.ts'
import { reasonIn } from './reason.ts'

export interface ServerContext {
  readonly rpcAddress: string | null
  readonly httpAddress: string | null
  readonly reason: Reason | null
  /** Why the last reload was refused; the material before it is still in force. */
  readonly reloadRefused: string | null
}

/** The life of the RPC listener, with certificates and access rules that can change while it runs. */
export const serverMachine = setup({
  types: {
    context: {} as ServerContext,
    events: {} as ServerOrder | ListenerFact,
  },
  actors: {
    /** Reads certificates, access model and policy; rejects when any of it is unusable. */
    load: fromPromise<void>(async () => {}),
    /** Reads again what changed and puts it in force; rejects, changing nothing, when it is unusable. */
    reload: fromPromise<void>(async () => {}),
    /** Holds the ports and the calls. */
    listener: fromCallback<ListenerOrder>(() => {}),
  },
  actions: {
    noteAddresses: assign(({ event }) =>
      event.type === 'listener.bound' ? { rpcAddress: event.rpcAddress, httpAddress: event.httpAddress } : {},
    ),
    noteReason: assign(({ event }) => ({ reason: reasonIn(event) })),
    noteRefusal: assign(({ event }) => ({ reloadRefused: reasonIn(event)?.message ?? null })),
    forgetRefusal: assign({ reloadRefused: null }),
    drainListener: sendTo('listener', { type: 'drain' }),
    tellListening: sendParent(({ context }) => ({
      type: 'server.listening',
      rpcAddress: context.rpcAddress,
      httpAddress: context.httpAddress,
    })),
    tellClosed: sendParent({ type: 'server.closed' }),
    tellFailed: sendParent(({ context }) => ({ type: 'server.failed', reason: context.reason })),
  },
  delays: {
    /** How often files are looked at for a change. */
    reloadInterval: 5000,
    /** Calls under way may end within this; then they are cut. */
    drainTimeout: 10_000,
  },
}).createMachine({
  id: 'server',
  description: 'Ports, certificates and access rules: opened in order, replaced while running, closed in peace.',
  context: { rpcAddress: null, httpAddress: null, reason: null, reloadRefused: null },
  initial: 'loading',
  states: {
    loading: {
      invoke: {
        id: 'load',
        src: 'load',
        onDone: { target: 'open' },
        onError: { target: 'failed', actions: 'noteReason' },
      },
      on: { drain: { target: 'closed' } },
    },
    open: {
      invoke: { id: 'listener', src: 'listener', onError: { target: 'failed', actions: 'noteReason' } },
      initial: 'binding',
      on: { 'listener.failed': { target: 'failed', actions: 'noteReason' } },
      states: {
        binding: {
          on: {
            'listener.bound': { target: 'listening', actions: ['noteAddresses', 'tellListening'] },
            drain: { target: '#server.closed' },
          },
        },
        listening: {
          initial: 'settled',
          on: { drain: { target: 'draining' } },
          states: {
            settled: {
              on: { reload: { target: 'reloading' } },
              after: { reloadInterval: { target: 'reloading' } },
            },
            reloading: {
              invoke: {
                id: 'reload',
                src: 'reload',
                onDone: { target: 'settled', actions: 'forgetRefusal' },
                onError: { target: 'settled', actions: 'noteRefusal' },
              },
            },
          },
        },
        draining: {
          entry: 'drainListener',
          on: { 'listener.drained': { target: '#server.closed' } },
          after: { drainTimeout: { target: '#server.closed' } },
        },
      },
    },
    closed: { type: 'final', entry: 'tellClosed' },
    failed: { type: 'final', entry: 'tellFailed' },
  },
})
