/**
 * The client's channels, and which server is worth calling. Owns the channels and what is known of the cluster; never
 * repeats a call that may have changed something.
 */

import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { formatAddress } from '../address.ts'
import type { Address, Env, RpcChannel, TlsMaterial } from '../env/env.ts'
import { GrpcCode, ReeveError, toReeveError } from '../errors.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { callUnary } from './call.ts'
import { createPatience } from './patience.ts'
import { nearFirst, pickOrder } from './picker.ts'
import { type KnownServer, resolveServers } from './resolver.ts'
import { serversFromWire } from './servers.ts'

export interface ConnectOptions {
  /** `host:port` of any servers; the others are found through them. */
  readonly addresses: readonly Address[]
  /** Absent: plain text. */
  readonly tls?: TlsMaterial
  /** The name the servers' certificates must carry; default: the host called. */
  readonly serverName?: string
  /** False: call the named servers only. Default true. */
  readonly discovery?: boolean
  /** How long to look for a server that answers before giving up. 0: each that is known is asked once. Default 10 s. */
  readonly timeoutMs?: number
  readonly env: Pick<Env, 'rpc' | 'clock' | 'random'>
}

/** How long one server may take to answer before the next one is tried, where there is time for that. */
const answerTimeoutMs = 5_000
/** The last attempt is one, too. */
const shortestAnswerMs = 100
/** Batches are at most 16 MiB; the answers that carry them are a little larger. */
const maxMessageBytes = 20 * 1024 * 1024

export interface Connections {
  readonly clock: Env['clock']
  readonly random: Env['random']
  readonly timeoutMs: number
  /** A server that answered just now, so that what is sent next goes somewhere. Rejects with `UNAVAILABLE`. */
  answering(): Promise<Live>
  /** A question that may be asked twice: asks the next server when one cannot be reached. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>
  /** One call to the first named server and to no other. */
  callFirst<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>
  /** It broke: the others are tried first for a while. */
  failed(address: Address): void
  close(): void
}

export interface Live {
  readonly address: Address
  readonly channel: RpcChannel
}

/** Whether another server may do what this one did not. */
export function isUnavailable(error: ReeveError): boolean {
  return error.grpc === GrpcCode.UNAVAILABLE
}

export function createConnections(options: ConnectOptions): Connections {
  const { rpc, clock, random } = options.env
  const timeoutMs = options.timeoutMs ?? 10_000
  const channels = new Map<string, RpcChannel>()
  const failedAtMs = new Map<string, number>()
  let known: readonly KnownServer[] = []
  let closed = false

  function channelTo(address: Address): RpcChannel {
    const key = formatAddress(address)
    let channel = channels.get(key)
    if (!channel) {
      channel = rpc.dial({
        to: address,
        maxMessageBytes,
        ...(options.tls && { tls: options.tls }),
        ...(options.serverName !== undefined && { serverName: options.serverName }),
      })
      channels.set(key, channel)
    }
    return channel
  }

  function failed(address: Address): void {
    failedAtMs.set(formatAddress(address), clock.monotonicMs())
  }

  /** Runs `attempt` on one server after the other until one can be reached, again and again until the time is over. */
  async function onAnyServer<T>(attempt: (live: Live, limitMs: number) => Promise<T>): Promise<T> {
    const patience = createPatience(clock, timeoutMs)
    const endMs = clock.monotonicMs() + timeoutMs
    for (;;) {
      const reasons: string[] = []
      const order = pickOrder(resolveServers(options.addresses, known), failedAtMs, clock.monotonicMs())
      for (const [at, address] of order.entries()) {
        if (closed) throw new ReeveError('CANCELLED', 'the client was closed')
        // Each that is left gets its share: one that is silent leaves time for the others.
        const shareMs = Math.max(shortestAnswerMs, (endMs - clock.monotonicMs()) / (order.length - at))
        const limitMs = timeoutMs === 0 ? answerTimeoutMs : Math.min(answerTimeoutMs, Math.ceil(shareMs))
        try {
          const result = await attempt({ address, channel: channelTo(address) }, limitMs)
          failedAtMs.delete(formatAddress(address))
          return result
        } catch (thrown) {
          const error = toReeveError(thrown)
          if (!isUnavailable(error) && error.code !== 'DEADLINE_EXCEEDED') throw error
          failed(address)
          reasons.push(`${formatAddress(address)}: ${reasonOf(error)}`)
        }
      }
      const error = new ReeveError('UNAVAILABLE', `no server answers (${reasons.join('; ')})`)
      if (timeoutMs > 0 && clock.monotonicMs() >= endMs) throw error
      await patience.wait(error)
    }
  }

  return {
    clock,
    random,
    timeoutMs,
    failed,
    answering: () =>
      onAnyServer(async (live, limitMs) => {
        try {
          const answer = await callUnary(live.channel, LogService.method.getServers, {}, limitMs)
          if (options.discovery !== false) {
            known = nearFirst(serversFromWire(answer.servers), () => random.fraction())
          }
        } catch (thrown) {
          // A refusal is an answer too: who may not list servers may still be allowed to write.
          const error = toReeveError(thrown)
          if (error.code !== 'PERMISSION_DENIED') throw error
        }
        return live
      }),
    ask: (method, request) => onAnyServer(({ channel }, limitMs) => callUnary(channel, method, request, limitMs)),
    callFirst: (method, request) => {
      const first = options.addresses[0]
      if (!first) throw new ReeveError('CONFIG_INVALID', 'no server address was given')
      // Who looks for no other server still waits for this one's answer.
      return callUnary(channelTo(first), method, request, Math.max(timeoutMs, answerTimeoutMs))
    },
    close: () => {
      closed = true
      for (const channel of channels.values()) channel.close()
      channels.clear()
    },
  }
}

/** The reason alone, on one line: grpc-js and OpenSSL wrap it in what helps nobody. */
function reasonOf(error: ReeveError): string {
  return error.message
    .replace(/^No connection established\. Last error: /, '')
    .replace(/^Error:? (\[\w+\]: )?/, '')
    .replace(/\.? Resolution note:.*$/s, '')
    .replace(/^[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):.*$/s, '$1')
    .replace(/^wrong version number$/, 'cannot connect; is one side speaking TLS and the other not?')
    .replace(/^tlsv13 alert certificate required$/, 'it asks for a client certificate')
    .replace(/^Failed to connect.*$/s, 'cannot connect; is one side speaking TLS and the other not?')
    .replaceAll(/\s+/g, ' ')
}
