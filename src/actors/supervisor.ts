import type { AnyActorRef, AnyMachineSnapshot } from 'xstate'
import { supervisorMachine } from '../../machines/supervisor.ts'
import type { NodePhase } from '../server/phase.ts'
import type { journalLogic } from './journal.ts'
import type { membershipActor } from './membership.ts'
import { orderlyMachine } from './orderly-machine.ts'
import type { replicatorActor } from './replicator.ts'
import type { serverActor } from './server.ts'

export interface SupervisorActorOptions {
  readonly journal: ReturnType<typeof journalLogic>
  readonly server: ReturnType<typeof serverActor>
  readonly membership: ReturnType<typeof membershipActor>
  readonly replicator: ReturnType<typeof replicatorActor>
  readonly drainTimeoutMs: number
  /** Decides anew who pulls what; true for a peer whose share changed. */
  readonly assign: () => (peer: string) => boolean
}

/** The supervisor's chart with everything it does. */
export function supervisorActor({ assign, drainTimeoutMs, ...actors }: SupervisorActorOptions) {
  return orderlyMachine(
    supervisorMachine.provide({
      actors,
      actions: {
        assignLogs: ({ self }) => {
          const changed = assign()
          for (const [peer, replicator] of replicatorsOf(self.getSnapshot())) {
            if (changed(peer)) replicator.send({ type: 'assign' })
          }
        },
      },
      // The server cuts what is left by itself; the chart's limit is for a server that does not.
      delays: { drainTimeout: drainTimeoutMs + 2000 },
    }),
  )
}

const prefix = 'replicator/'

/** Peer name and actor of every replicator there is. */
export function replicatorsOf(snapshot: AnyMachineSnapshot): [string, AnyActorRef][] {
  return Object.entries(snapshot.children as Record<string, AnyActorRef | undefined>).flatMap(([id, actor]) =>
    actor && id.startsWith(prefix) ? [[id.slice(prefix.length), actor] as [string, AnyActorRef]] : [],
  )
}

/** The innermost state of each replicator, by peer: dialing, catchingUp, live, backoff, parked, diverged. */
export function replicatorStates(snapshot: AnyMachineSnapshot): Map<string, string> {
  return new Map(
    replicatorsOf(snapshot).map(([peer, actor]) => {
      let value: unknown = (actor.getSnapshot() as AnyMachineSnapshot).value
      while (typeof value === 'object' && value !== null) value = Object.values(value)[0]
      return [peer, String(value)]
    }),
  )
}

export function phaseOf(snapshot: AnyMachineSnapshot): NodePhase {
  if (snapshot.status !== 'active') return 'stopped'
  if (snapshot.matches({ up: { clustered: { running: 'serving' } } } as never)) return 'serving'
  if (snapshot.matches({ up: { clustered: { running: 'catchingUp' } } } as never)) return 'catchingUp'
  for (const value of ['opening', { up: 'listening' }, { up: { clustered: 'joining' } }]) {
    if (snapshot.matches(value as never)) return 'starting'
  }
  return 'draining'
}
