/**
 * Everything that is not plain gRPC on a hot route: the Connect library's router behind node's HTTP requests, for
 * HTTP/2 and HTTP/1.1 alike. Owns no sockets; no request, however odd, may throw out of here.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { DescMethod, Message } from '@bufbuild/protobuf'
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from '@connectrpc/connect'
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node'
import { ReeveError } from '../../errors.ts'
import type { Caller, RpcRoute } from '../env.ts'
import { ConnectCall, type Origin } from './connect-call.ts'
import { trailersOf } from './grpc-status.ts'
import type { Lane } from './lane.ts'

export type NodeRequest = IncomingMessage | Http2ServerRequest
export type NodeResponse = ServerResponse | Http2ServerResponse
export type ConnectLane = (request: NodeRequest, response: NodeResponse, caller: Caller) => void

const originKey = createContextKey<Origin>({ caller: { remote: { host: '', port: 0 } }, rawHeaders: [] })
/** Timers hold no more (24.8 days). */
const timerMaxMs = 2 ** 31 - 1

export function createConnectLane(lane: Lane, routes: readonly RpcRoute[]): ConnectLane {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    readMaxBytes: lane.maxMessageBytes,
    maxTimeoutMs: timerMaxMs,
  })
  for (const route of routes) register(lane, router as AnyRouter, route)
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]))

  async function answer(request: NodeRequest, response: NodeResponse, origin: Origin): Promise<void> {
    const handler = handlers.get(request.url?.split('?', 1)[0] ?? '')
    if (handler === undefined) return answerUnknown(request, response)
    const values = createContextValues().set(originKey, origin)
    const read = universalRequestFromNodeRequest(request, response, undefined, values)
    await universalResponseToNodeResponse(await handler(read), response)
  }

  return (request, response, caller) => {
    // A write that fails after the library has stopped listening would end the process.
    response.on('error', () => {})
    answer(request, response, { caller, rawHeaders: request.rawHeaders }).catch((error: unknown) => {
      // Aborted: the caller went away while it was answered.
      if (error instanceof ConnectError && error.code === Code.Aborted) return
      const message = `${request.url}: ${error instanceof Error ? error.message : error}`
      lane.report({ kind: 'protocolError', from: caller.remote.host, message })
      if (response.headersSent || response.writableEnded) response.destroy()
      else {
        response.statusCode = 400
        response.end()
      }
    })
  }
}

function answerUnknown(request: NodeRequest, response: NodeResponse): void {
  const contentType = request.headers['content-type'] ?? ''
  if (contentType.startsWith('application/grpc')) {
    const status = trailersOf(new ReeveError('METHOD_UNKNOWN', `no method ${request.url?.slice(0, 200)}`))
    response.setHeader('content-type', contentType)
    for (const [name, value] of Object.entries(status)) response.setHeader(name, value as string)
    response.statusCode = 200
  } else response.statusCode = 404
  response.end()
  request.resume()
}

/** The library derives the type of an implementation from a method known at compile time; ours are known later. */
interface AnyRouter {
  rpc(method: DescMethod, implementation: (input: never, context: HandlerContext) => unknown): unknown
}

function register(lane: Lane, router: AnyRouter, route: RpcRoute): void {
  const { method } = route
  const run = (requests: AsyncIterable<Message>, context: HandlerContext) =>
    new ConnectCall(lane, route, context, context.values.get(originKey)).run(requests)
  const takesOne = method.methodKind === 'unary' || method.methodKind === 'server_streaming'
  const givesOne = method.methodKind === 'unary' || method.methodKind === 'client_streaming'
  router.rpc(method, (input: Message & AsyncIterable<Message>, context) => {
    const answers = run(takesOne ? only(input) : input, context)
    return givesOne ? last(answers) : answers
  })
}

async function last(answers: AsyncIterable<Message>): Promise<Message | undefined> {
  let answer: Message | undefined
  for await (const message of answers) answer = message
  return answer
}

async function* only(request: Message): AsyncGenerator<Message> {
  yield request
}
