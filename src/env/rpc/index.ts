import type { Clock, Rpc } from '../env.ts'
import { dial } from './channel.ts'
import { link } from './link.ts'
import { serve } from './listener.ts'
import { certificateEndMs } from './tls.ts'

/** gRPC, gRPC-Web and Connect over real sockets. */
export function createRealRpc({ clock }: { clock: Clock }): Rpc {
  return {
    serve: (options) => serve(options, clock),
    dial: (options) => (options.lean ? link : dial)(options, clock),
    certificateEndMs,
  }
}
