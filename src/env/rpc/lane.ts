import type { ReeveError } from '../../errors.ts'
import type { Clock, OpenCall, RpcServerEvent } from '../env.ts'

/** A call under way, as the listener sees it. */
export interface RunningCall extends OpenCall {
  /** Ends it with this error, telling handler and caller. */
  cut(error: ReeveError): void
}

/** What both lanes need of the listener. */
export interface Lane {
  readonly clock: Clock
  readonly maxMessageBytes: number
  /** Calls that no status was decided for yet. */
  readonly calls: Set<RunningCall>
  report(event: RpcServerEvent): void
}

/** A call may queue this much before `send` says false: enough to keep a connection busy between two `drained`. */
export const sendQueueMaxBytes = 256 * 1024
