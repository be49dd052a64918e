/** A node's actors with the real charts, whose shells only say what a test lets them say. */

import { createActor, fromCallback, fromPromise, type InspectionEvent, SimulatedClock } from 'xstate'
import { membershipMachine } from '../../machines/membership.ts'
import type { Peer } from '../../machines/messages.ts'
import { replicatorMachine } from '../../machines/replicator.ts'
import { serverMachine } from '../../machines/server.ts'
import { supervisorMachine } from '../../machines/supervisor.ts'
import { orderlyMachine } from '../../src/actors/orderly-machine.ts'

export const peer = (name: string): Peer => ({ name, epoch: 'e1', address: `127.0.0.1:${name.length}` })

export function actingNode(inspect: (event: InspectionEvent) => void) {
  const says = new Map<string, (event: { type: string }) => void>()
  const clock = new SimulatedClock()
  const shell = (name: string) =>
    fromCallback<{ type: string }, { peer?: Peer } | undefined>(({ sendBack, input }) => {
      says.set(input?.peer ? `${name} of ${input.peer.name}` : name, sendBack)
    })
  const load = fromPromise<void>(async () => {})
  const machine = orderlyMachine(
    supervisorMachine.provide({
      actors: {
        journal: shell('journal') as never,
        server: orderlyMachine(
          serverMachine.provide({ actors: { load, reload: load, listener: shell('listener') as never } }),
        ),
        membership: orderlyMachine(membershipMachine.provide({ actors: { gossip: shell('gossip') as never } })),
        replicator: orderlyMachine(
          replicatorMachine.provide({ actors: { pull: shell('pull') as never } }),
        ) as typeof replicatorMachine,
      },
    }),
  )
  const root = createActor(machine, {
    id: 'supervisor',
    clock,
    inspect,
    input: { node: 'a', epoch: 'e0' },
    logger: () => {},
  })
  root.subscribe({ error: () => {} })
  const say = (shellName: string, type: string, more: object = {}) => says.get(shellName)?.({ type, ...more })
  return {
    root,
    clock,
    say,
    /** Up to a node that runs in its cluster. */
    async up() {
      root.start()
      say('journal', 'journal.opened')
      await Promise.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      say('listener', 'listener.bound', { rpcAddress: '127.0.0.1:1', httpAddress: null })
      say('gossip', 'gossip.bound', { address: '127.0.0.1:2' })
      say('gossip', 'gossip.contacted')
    },
    join: (name: string) => say('gossip', 'member.joined', { peer: peer(name) }),
  }
}
