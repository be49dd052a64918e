import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnyStateMachine } from 'xstate'
import { charts } from '../../machines/index.ts'
import type { Peer } from '../../machines/messages.ts'
import { declared, name, nodes, type Samples, walk } from './walk.ts'

const peer: Peer = { name: 'node-2', epoch: '018f0000-0000-7000-8000-000000000002', address: '127.0.0.1:2' }
const reason = { code: 'UNAVAILABLE', message: 'gone' }
const nothing = () => {}

/** With silence instead of messages: a walk is of one chart alone, and its counters are kept from growing. */
const alone: Record<keyof typeof charts, { machine: AnyStateMachine; inputs: unknown[] }> = {
  supervisor: {
    machine: charts.supervisor.provide({
      actions: {
        reconcile: nothing,
        drainServer: nothing,
        reloadServer: nothing,
        leaveCluster: nothing,
        closeJournal: nothing,
      },
    }),
    inputs: [{ node: 'node-1', epoch: peer.epoch }],
  },
  membership: {
    machine: charts.membership.provide({
      actions: {
        contactOthers: nothing,
        meetStrangers: nothing,
        announceLeave: nothing,
        passOn: nothing,
        tellJoined: nothing,
        tellLeft: nothing,
        tellFailed: nothing,
        countTry: nothing,
      },
    }),
    inputs: [undefined],
  },
  replicator: {
    machine: charts.replicator.provide({
      actions: {
        passOnAssignment: nothing,
        tellStreaming: nothing,
        tellCaughtUp: nothing,
        tellLost: nothing,
        tellDiverged: nothing,
        countAttempt: nothing,
      },
    }),
    inputs: [{ peer }],
  },
  server: {
    machine: charts.server.provide({
      actions: { drainListener: nothing, tellListening: nothing, tellClosed: nothing, tellFailed: nothing },
    }),
    inputs: [undefined],
  },
}

const failure = { error: new Error('broken') }
const samples: Samples = {
  'member.*': [
    { type: 'member.joined', peer } as never,
    { type: 'member.failed', peer } as never,
    { type: 'member.left', name: peer.name } as never,
  ],
  'replicator.*': [{ type: 'replicator.caughtUp', name: peer.name } as never],
  resume: [{ type: 'resume', peer } as never],
  'xstate.error.actor.*': [
    { type: `xstate.error.actor.replicator/${peer.name}`, actorId: `replicator/${peer.name}`, ...failure } as never,
  ],
  ...Object.fromEntries(
    ['journal.failed', 'server.failed', 'membership.failed', 'gossip.failed', 'gossip.unreached', 'listener.failed']
      .concat(['pull.failed', 'pull.diverged'])
      .map((type) => [type, [{ type, reason } as never]]),
  ),
  ...Object.fromEntries(
    ['journal', 'server', 'membership', 'gossip', 'load', 'reload', 'listener', 'pull'].map((id) => {
      const type = `xstate.error.actor.${id}`
      return [type, [{ type, actorId: id, ...failure } as never]]
    }),
  ),
}

for (const [chart, { machine, inputs }] of Object.entries(alone)) {
  describe(`the chart of the ${chart}`, () => {
    const walks = inputs.map((input) => walk(machine, input, samples))

    it('lets every state be reached', () => {
      const reached = new Set(walks.flatMap(({ states }) => [...states]))
      const missed = nodes(machine).filter(({ id }) => !reached.has(id))
      assert.deepEqual(
        missed.map(({ id }) => id),
        [],
      )
    })

    it('lets every transition be taken', () => {
      const taken = new Set(walks.flatMap(({ transitions }) => [...transitions]))
      const missed = declared(machine)
        .map(name)
        .filter((one) => !taken.has(one))
      assert.deepEqual(missed, [])
    })
  })
}
