/** Single calls to an agent, below the client library: streams that are watched to their end, and what refuses them. */

import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { parseAddress } from '../../src/address.ts'
import { callUnary, pathOf } from '../../src/client/call.ts'
import { createRealEnv, type ReeveError, type TlsMaterial } from '../../src/index.ts'
import { type Agent, inTime, patienceMs } from './agent.ts'

const { rpc } = createRealEnv()

export interface Watched<T> {
  readonly messages: T[]
  /** Resolves once a message arrived for which `wanted` holds, also one of before. */
  seen(wanted: (message: T) => boolean): Promise<void>
  /** How the stream ended; undefined: well. */
  ended(): Promise<ReeveError | undefined>
  cancel(): void
}

function dial(agent: Agent, tls?: TlsMaterial) {
  const to = parseAddress(agent.rpcAddress)
  if (!to) throw new Error(`${agent.name} has no address`)
  return rpc.dial({ to, ...(tls && { tls }) })
}

/** One call on a connection of its own. */
export async function ask<I extends DescMessage, O extends DescMessage>(
  agent: Agent,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  { tls, timeoutMs = patienceMs }: { tls?: TlsMaterial | undefined; timeoutMs?: number } = {},
): Promise<MessageShape<O>> {
  const channel = dial(agent, tls)
  try {
    return await callUnary(channel, method, request, timeoutMs)
  } finally {
    channel.close()
  }
}

/** One server stream on a connection of its own. */
export function watch<I extends DescMessage, O extends DescMessage>(
  agent: Agent,
  method: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  tls?: TlsMaterial,
): Watched<MessageShape<O>> {
  const channel = dial(agent, tls)
  const messages: MessageShape<O>[] = []
  const looks: (() => void)[] = []
  let over = false
  const look = () => {
    for (const again of looks.splice(0)) again()
  }
  let cancel = () => {}
  const ended = new Promise<ReeveError | undefined>((resolve) => {
    const call = channel.call(
      pathOf(method),
      {},
      {
        message: (bytes) => {
          messages.push(fromBinary(method.output, bytes))
          look()
        },
        closed: (error) => {
          over = true
          channel.close()
          resolve(error)
          look()
        },
      },
    )
    call.send(toBinary(method.input, create(method.input, request)))
    call.end()
    cancel = () => call.cancel()
  })
  return {
    messages,
    ended: () => inTime(`the end of a ${method.name} at ${agent.name}`, ended),
    cancel: () => cancel(),
    async seen(wanted) {
      while (!messages.some(wanted)) {
        if (over) throw new Error(`the stream ended first: ${String(await ended)}`)
        const news = new Promise<void>((resolve) => looks.push(resolve))
        await inTime(`a certain message of ${method.name} at ${agent.name}`, news)
      }
    },
  }
}
