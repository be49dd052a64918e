import { fromPromise } from 'xstate'
import type { ListenerFact, ListenerOrder } from '../../machines/messages.ts'
import { serverMachine } from '../../machines/server.ts'
import { formatAddress } from '../address.ts'
import type { Address, RpcServer } from '../env/env.ts'
import type { Credentials } from './credentials.ts'
import { orderly } from './orderly.ts'
import { orderlyMachine } from './orderly-machine.ts'

export interface ServerActorOptions {
  readonly credentials: Credentials
  readonly serve: () => Promise<RpcServer>
  /** How others reach what was bound. */
  readonly reachable: (bound: Address) => Address
  readonly drainTimeoutMs: number
  /** Told after new certificates and rules are in force. */
  readonly reloaded: () => void
  readonly reloadRefused: (error: unknown) => void
}

/** The server's chart with everything it does. */
export function serverActor(options: ServerActorOptions) {
  const { credentials, drainTimeoutMs } = options
  let server: RpcServer | undefined
  let refused = ''

  const listener = orderly<ListenerOrder, ListenerFact>(
    (reason) => ({ type: 'listener.failed', reason }),
    async (scope) => {
      const bound = await options.serve()
      scope.own(() => void bound.close().catch(() => {}))
      if (scope.ended) return
      server = bound
      scope.receive(() =>
        scope.run(async () => {
          await bound.drain(drainTimeoutMs)
          scope.tell({ type: 'listener.drained' })
        }),
      )
      scope.tell({
        type: 'listener.bound',
        rpcAddress: formatAddress(options.reachable(bound.address)),
        httpAddress: bound.httpAddress ? formatAddress(bound.httpAddress) : null,
      })
    },
  )

  const reload = fromPromise<void>(async () => {
    try {
      if (!(await credentials.reload())) return
      if (credentials.serverTls) server?.replaceTls(credentials.serverTls)
      refused = ''
      options.reloaded()
    } catch (error) {
      const text = String(error)
      // The same file is looked at again and again; one line a mistake is enough.
      if (text !== refused) options.reloadRefused(error)
      refused = text
      throw error
    }
  })

  return orderlyMachine(
    serverMachine.provide({
      actors: { load: fromPromise<void>(() => credentials.load()), reload, listener },
      // The listener cuts what is left by itself; the chart's limit is for a listener that does not.
      delays: { drainTimeout: drainTimeoutMs + 1000 },
    }),
  )
}
