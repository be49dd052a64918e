import type { RpcRoute, ServerCall } from '../env/env.ts'
import { grpcCodeName, type ReeveError } from '../errors.ts'

/** Told of the end of a call, once: gRPC's name of its status. */
export type CallEnded = (status: string, error?: ReeveError) => void

/** The same route; `begun` is asked at each call who is to be told of its end. Costs a message nothing. */
export function watchCalls(route: RpcRoute, begun: (call: ServerCall) => CallEnded | undefined): RpcRoute {
  return {
    ...route,
    handle(call) {
      const ended = begun(call)
      if (!ended) return route.handle(call)
      let over = false
      const end: CallEnded = (status, error) => {
        if (!over) ended(status, error)
        over = true
      }
      // Put on the call itself: what wraps it would be on the way of every message, too.
      const finish = call.finish
      call.finish = (error) => {
        end(error ? grpcCodeName(error.grpc) : 'OK', error)
        finish.call(call, error)
      }
      const listener = route.handle(call)
      // Who refused a call hears nothing of it any more, and may hear many.
      if (over) return listener
      const { cancelled } = listener
      listener.cancelled = () => {
        end('CANCELLED')
        cancelled?.call(listener)
      }
      return listener
    },
  }
}
