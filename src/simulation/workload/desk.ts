/**
 * Where a client sits, and the calls it makes from there: the public contract over the network of its world, simulated or
 * real, as any client in any language would speak it.
 */

import {
  create,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { Address, ClientCall, Rpc, TlsMaterial } from '../../env/env.ts'
import type { Refused } from '../history.ts'

/** Where a node serves, and whether it speaks TLS there. */
export interface Server extends Address {
  readonly isSecure: boolean
}

export type Answered<Message> = { readonly ok: true; readonly message: Message } | Refused

export interface StreamListener<Message> {
  message(message: Message): void
  /** Exactly once, last; undefined: the server ended it in peace. */
  closed(refused: Refused | undefined): void
}

const unanswered: Refused = { ok: false, code: 'UNAVAILABLE', facts: {} }

export class Desk {
  readonly #rpc: Rpc
  readonly #tls: TlsMaterial

  /** `tls`: what it shows to a server that is secure. */
  constructor(rpc: Rpc, tls: TlsMaterial = {}) {
    this.#rpc = rpc
    this.#tls = tls
  }

  /** One message there, one back. `decode`: of the answer, where less than the whole message is wanted. */
  ask<Method extends DescMethod, Answer = MessageShape<Method['output']>>(
    to: Server,
    method: Method,
    request: MessageInitShape<Method['input']>,
    timeoutMs: number,
    told: (answer: Answered<Answer>) => void,
    decode?: (bytes: Uint8Array) => Answer,
  ): void {
    let message: Answer | undefined
    const listener: StreamListener<Answer> = {
      message: (answer) => {
        message = answer
      },
      closed: (refused) => told(message === undefined ? (refused ?? unanswered) : { ok: true, message }),
    }
    this.listen(to, method, request, timeoutMs, listener, decode)
  }

  /** One message there, any number back. */
  listen<Method extends DescMethod, Answer = MessageShape<Method['output']>>(
    to: Server,
    method: Method,
    request: MessageInitShape<Method['input']>,
    timeoutMs: number,
    listener: StreamListener<Answer>,
    decode: (bytes: Uint8Array) => Answer = (bytes) => fromBinary(method.output, bytes) as Answer,
  ): ClientCall {
    const { isSecure, ...address } = to
    const channel = this.#rpc.dial({ to: address, ...(isSecure && { tls: this.#tls }) })
    const call = channel.call(
      `/${method.parent.typeName}/${method.name}`,
      { timeoutMs },
      {
        message: (bytes) => listener.message(decode(bytes)),
        closed: (error) => {
          channel.close()
          listener.closed(error && { ok: false, code: error.code, facts: error.facts })
        },
      },
    )
    call.send(toBinary(method.input, create(method.input, request)))
    call.end()
    return call
  }
}
