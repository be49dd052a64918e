/**
 * Routes from handlers that take and give decoded messages: for every method that is not hot. A handler may throw or
 * reject with anything; the caller gets it as one of our errors.
 */

import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { CallListener, RpcRoute, ServerCall } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'

/** The answering side of a stream of decoded messages. */
export interface TypedStream<O extends DescMessage> {
  /** False: wait for `drained`. */
  send(message: MessageInitShape<O>): boolean
  finish(error?: ReeveError): void
}

/** One request, one answer. */
export function unary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  handle: (request: MessageShape<I>, call: ServerCall) => Promise<MessageInitShape<O>> | MessageInitShape<O>,
): RpcRoute {
  return {
    method,
    hot: false,
    handle: (call) =>
      oneMessage(call, (bytes) => {
        const request = decode(method.input, bytes)
        const answer = async () => encode(method.output, await handle(request, call))
        answer().then(
          (message) => {
            call.send(message)
            call.finish()
          },
          (error) => call.finish(toReeveError(error)),
        )
      }),
  }
}

/** One request, many answers. `handle` returns what listens to the rest of the call. */
export function serverStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodServerStreaming<I, O>,
  handle: (request: MessageShape<I>, stream: TypedStream<O>) => Pick<CallListener, 'drained' | 'cancelled'>,
): RpcRoute {
  return {
    method,
    hot: false,
    handle(call) {
      let rest: Pick<CallListener, 'drained' | 'cancelled'> | undefined
      const first = oneMessage(call, (bytes) => {
        rest = handle(decode(method.input, bytes), typedStream(method.output, call))
      })
      return {
        ...first,
        drained: () => attempt(call, () => rest?.drained?.()),
        cancelled: () => rest?.cancelled?.(),
      }
    },
  }
}

/** Many requests, many answers. Who takes no answers is not read from. */
export function bidiStream<I extends DescMessage, O extends DescMessage>(
  method: DescMethodBiDiStreaming<I, O>,
  handle: (stream: TypedStream<O>) => { message(request: MessageShape<I>): void; ended(): void },
): RpcRoute {
  return {
    method,
    hot: false,
    handle(call) {
      const stream = typedStream(method.output, call)
      const listener = handle({
        ...stream,
        send(message) {
          const more = stream.send(message)
          if (!more) call.pause()
          return more
        },
      })
      return {
        message: (bytes) => attempt(call, () => listener.message(decode(method.input, bytes))),
        ended: () => attempt(call, () => listener.ended()),
        drained: () => call.resume(),
      }
    },
  }
}

/** Listens for exactly one message; `handle` gets it as soon as it is there. */
export function oneMessage(
  call: ServerCall,
  handle: (bytes: Uint8Array) => void,
): Required<Pick<CallListener, 'message' | 'ended'>> {
  let seen = false
  return {
    message(bytes) {
      if (seen) return call.finish(new ReeveError('REQUEST_MALFORMED', 'this method takes one message'))
      seen = true
      attempt(call, () => handle(bytes))
    },
    ended() {
      if (!seen) call.finish(new ReeveError('REQUEST_MALFORMED', 'the call ended without a message'))
    },
  }
}

/** Ends the call with whatever `step` throws. */
export function attempt(call: ServerCall, step: () => void): void {
  try {
    step()
  } catch (error) {
    call.finish(toReeveError(error))
  }
}

/** Throws `REQUEST_MALFORMED`. */
export function decode<T extends DescMessage>(schema: T, bytes: Uint8Array): MessageShape<T> {
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false })
  } catch (cause) {
    throw new ReeveError('REQUEST_MALFORMED', `the request is not a ${schema.typeName}`, { cause })
  }
}

function encode<T extends DescMessage>(schema: T, message: MessageInitShape<T>): Uint8Array {
  return toBinary(schema, create(schema, message))
}

function typedStream<O extends DescMessage>(schema: O, call: ServerCall): TypedStream<O> {
  return {
    send: (message) => call.send(encode(schema, message)),
    finish: (error) => call.finish(error),
  }
}
