import type { Clock, RpcRoute } from '../env/env.ts'
import { errorTable, GrpcCode, type ReeveError } from '../errors.ts'

/** Told of each call that ended: how long it took, and gRPC's name of its status. */
export type CallEnded = (ms: number, status: string) => void

/** The same route; costs a call its begin and its end, and a message nothing. */
export function timedRoute(route: RpcRoute, clock: Clock, ended: CallEnded): RpcRoute {
  return {
    ...route,
    handle(call) {
      const beganMs = clock.monotonicMs()
      let over = false
      const end = (status: string) => {
        if (over) return
        over = true
        ended(clock.monotonicMs() - beganMs, status)
      }
      // Put on the call itself: what wraps it would be on the way of every message, too.
      const finish = call.finish
      call.finish = (error) => {
        end(statusOf(error))
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

const names = new Map(Object.entries(GrpcCode).map(([name, code]) => [code, name]))

function statusOf(error: ReeveError | undefined): string {
  return error ? (names.get(errorTable[error.code].grpc) ?? 'UNKNOWN') : 'OK'
}
