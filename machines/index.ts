import { membershipMachine } from './membership.ts'
import { replicatorMachine } from './replicator.ts'
import { serverMachine } from './server.ts'
import { supervisorMachine } from './supervisor.ts'

/** All charts, by the name of their drawing. */
export const charts = {
  supervisor: supervisorMachine,
  membership: membershipMachine,
  replicator: replicatorMachine,
  server: serverMachine,
} as const
