import { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { RpcRoute } from '../env/env.ts'
import { watchCalls } from './watch-calls.ts'

/**
 * The same route; a call whose metadata has the context of a trace gets a span in it, from its begin to its end. Without an
 * SDK in the program it is no other route at all. Records are not looked into: what they carry is their sender's.
 */
export function traceRoute(route: RpcRoute): RpcRoute {
  if (propagation.fields().length === 0) return route
  const method = `${route.method.parent.typeName}/${route.method.name}`
  const attributes = { 'rpc.system.name': 'grpc', 'rpc.method': method }
  return watchCalls(route, ({ metadata }) => {
    const from = propagation.extract(ROOT_CONTEXT, metadata, {
      keys: (carrier) => [...carrier.keys()],
      get: (carrier, key) => carrier.get(key),
    })
    if (!trace.getSpanContext(from)) return undefined
    const span = trace.getTracer('reeve').startSpan(method, { kind: SpanKind.SERVER, attributes }, from)
    return (status, error) => {
      span.setAttribute('rpc.response.status_code', status)
      if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
      span.end()
    }
  })
}
