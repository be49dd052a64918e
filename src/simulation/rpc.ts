/** Calls between processes: servers and channels of one process over the world's connections. */

import type { CallerCertificate, Rpc, RpcChannel, RpcDialOptions, RpcServeOptions, RpcServer } from '../env/env.ts'
import type { Machine, Network } from './network.ts'
import type { Process } from './process.ts'
import { SimulatedChannel } from './rpc-channel.ts'
import { SimulatedRpcServer } from './rpc-server.ts'

/** What a server or a channel needs of the world. */
export interface CallContext {
  readonly network: Network
  readonly machine: Machine
  readonly process: Process
  /** What this host proves when it dials with `tls.cert`; there is no TLS here. */
  readonly certificate: CallerCertificate | undefined
  /** By the clock of this host, for certificates. */
  readonly wallMs: () => number
}

export class SimulatedRpc implements Rpc {
  readonly #context: CallContext

  constructor(context: CallContext) {
    this.#context = context
  }

  serve(options: RpcServeOptions): Promise<RpcServer> {
    return this.#context.process.later('socket', 0, () => new SimulatedRpcServer(this.#context, options))
  }

  dial(options: RpcDialOptions): RpcChannel {
    return new SimulatedChannel(this.#context, options)
  }
}
