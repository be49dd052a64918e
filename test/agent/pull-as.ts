import { parseAddress } from '../../src/address.ts'
import { createRealEnv, ReeveError, type TlsMaterial } from '../../src/index.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { decodePullResponse, encodePullRequest, pullPath, pullVersion } from '../../src/replication/pull-messages.ts'
import type { Agent } from './agent.ts'

const { rpc } = createRealEnv()

/** Begins to replicate under a node's name: undefined when the agent greets back, else why it refuses. */
export function pullAs(node: string, agent: Agent, tls?: TlsMaterial): Promise<ReeveError | undefined> {
  const to = parseAddress(agent.rpcAddress)
  if (!to) throw new Error(`${agent.name} has no address`)
  const channel = rpc.dial({ to, ...(tls && { tls }) })
  return new Promise<ReeveError | undefined>((resolve) => {
    const call = channel.call(
      pullPath,
      {},
      {
        message: (bytes) => {
          if (decodePullResponse(bytes).case === 'hello') resolve(undefined)
        },
        closed: (error) => resolve(error ?? new ReeveError('UNAVAILABLE', 'it ended without a greeting')),
      },
    )
    const epoch = epochToBytes('01980000-0000-7000-8000-000000000000')
    call.send(encodePullRequest({ case: 'hello', value: { version: pullVersion, cluster: 'reeve', node, epoch } }))
  }).finally(() => channel.close())
}
