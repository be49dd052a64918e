import type { RpcRoute } from '../env/env.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { unary } from './typed.ts'

/** Leave: answers that the node has begun to leave; what follows is the supervisor's. Asking twice changes nothing. */
export function leave(deps: { readonly requestLeave: () => void }): RpcRoute {
  return unary(LogService.method.leave, () => {
    deps.requestLeave()
    return {}
  })
}
