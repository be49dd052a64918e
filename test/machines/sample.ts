import { fromCallback, fromPromise, setup } from 'xstate'

/** A chart with everything that can be drawn; it stands for nothing. */
export const sampleMachine = setup({
  types: {
    events: {} as
      | { readonly type: 'packet.acked' | 'packet.nacked' | 'packet.received' | 'seed.failed' }
      | { readonly type: 'leave' | 'restart' | 'rewind' | 'probe' },
  },
  actors: { bindSockets: fromPromise(async () => {}), transport: fromCallback(() => {}) },
  actions: {
    report: () => {},
    probeNext: () => {},
    indirectProbe: () => {},
    suspect: () => {},
    gossip: () => {},
    broadcastLeave: () => {},
    closeSockets: () => {},
    countTry: () => {},
  },
  guards: { hasSeeds: () => true, isQuiet: () => false },
  delays: { probeInterval: 1000, probeTimeout: 500, gossipInterval: 200, joinBackoff: 1000, leavePropagation: 3000 },
}).createMachine({
  id: 'sample',
  description: 'Everything that can be drawn, & nothing that <runs>.',
  initial: 'binding',
  on: { restart: { target: '.binding' }, 'seed.failed': { target: '.failed', actions: 'report' } },
  states: {
    binding: {
      description: 'Takes the ports it was told to take.',
      invoke: {
        id: 'bindSockets',
        src: 'bindSockets',
        onDone: [{ guard: 'hasSeeds', target: 'joining' }, { target: 'alive' }],
        onError: { target: 'failed', actions: 'report' },
      },
    },
    joining: {
      initial: 'contacting',
      onDone: { target: 'alive' },
      states: {
        contacting: { on: { probe: { target: 'done' }, 'packet.nacked': { target: 'waiting', actions: 'countTry' } } },
        waiting: {
          always: { guard: 'isQuiet', target: 'done' },
          after: { joinBackoff: { target: 'contacting' } },
          on: { rewind: { target: 'waiting', reenter: true } },
        },
        done: { type: 'final' },
      },
    },
    alive: {
      type: 'parallel',
      invoke: { id: 'transport', src: 'transport', onError: { target: 'failed' } },
      exit: 'closeSockets',
      on: { leave: { target: 'leaving' }, 'packet.received': { actions: ['report', 'countTry'] } },
      states: {
        probing: {
          initial: 'idle',
          on: { rewind: { target: '.indirect' } },
          states: {
            idle: { after: { probeInterval: { target: 'awaitingAck', actions: 'probeNext' } } },
            awaitingAck: {
              on: { 'packet.acked': { target: 'idle' } },
              after: { probeTimeout: { target: 'indirect', actions: 'indirectProbe' } },
            },
            indirect: {
              on: { 'packet.nacked': {}, 'packet.acked': { target: 'idle' }, leave: { target: '#sample.alive' } },
              after: { probeTimeout: { target: 'idle', actions: 'suspect' } },
            },
          },
        },
        gossiping: {
          initial: 'quiet',
          states: { quiet: { after: { gossipInterval: { target: 'quiet', reenter: true, actions: 'gossip' } } } },
        },
      },
    },
    leaving: { entry: 'broadcastLeave', after: { leavePropagation: { target: 'left' } } },
    left: { type: 'final' },
    failed: { type: 'final' },
  },
})
