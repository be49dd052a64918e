/** One request, one answer, over a channel of bytes. */

import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { RpcChannel } from '../env/env.ts'
import { ReeveError } from '../errors.ts'

/** `/reeve.v1.LogService/Produce` */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`
}

/** A message as its type, or `INTERNAL`: what a server sends is not trusted to be well-formed. */
export function decode<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw new ReeveError('INTERNAL', `the server sent a malformed ${schema.name}`, { cause })
  }
}

export function callUnary<I extends DescMessage, O extends DescMessage>(
  channel: RpcChannel,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  timeoutMs: number,
): Promise<MessageShape<O>> {
  return new Promise((resolve, reject) => {
    let answer: Uint8Array | undefined
    const call = channel.call(
      pathOf(method),
      { timeoutMs },
      {
        message: (bytes) => {
          answer = bytes
        },
        closed: (error) => {
          if (error) return reject(error)
          // As when a server goes away in between: whether it did anything, nobody says.
          if (!answer) return reject(new ReeveError('UNAVAILABLE', `${method.name} ended without an answer`))
          try {
            resolve(decode(method.output, answer))
          } catch (malformed) {
            reject(malformed)
          }
        },
      },
    )
    call.send(toBinary(method.input, create(method.input, request)))
    call.end()
  })
}
