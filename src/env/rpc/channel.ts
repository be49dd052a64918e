/**
 * The client side of `Rpc`: one channel of @grpc/grpc-js to one address, carrying raw bytes.
 *
 * Owns the mapping of its duplex streams to `ClientCall`: order (messages, then the end, exactly once), back-pressure,
 * statuses as errors of ours. Decides nothing about whom to call or when to call again.
 */

import { isIP } from 'node:net'
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js'
import { formatAddress } from '../../address.ts'
import { GrpcCode, ReeveError } from '../../errors.ts'
import type { ClientCall, ClientCallListener, Clock, RpcChannel, RpcDialOptions, Timer } from '../env.ts'
import {
  connectTimeoutMs,
  defaultMaxMessageBytes,
  failedCall,
  pingEveryMs,
  pingTimeoutMs,
  serverNaming,
} from './dialing.ts'
import { errorOfStatus } from './grpc-status.ts'
import { windowBytes } from './http2-session.ts'
import { metadataToGrpc } from './metadata.ts'
import { checkTls } from './tls.ts'

/** Throws `TLS_INVALID` where the material is unusable. */
export function dial(options: RpcDialOptions, clock: Clock): RpcChannel {
  const target = targetOf(options)
  const trust = credentialsOf(options)
  const connect = () => new Client(target, trust, channelOptions(options))
  const calls = new Set<Call>()
  let client = connect()
  let connecting: Timer | undefined
  let open = true

  function watchConnecting(): void {
    if (connecting !== undefined || stateOf(client) === connectivityState.READY) return
    // Calls from before have a connection of theirs.
    const before = new Set(calls)
    connecting = clock.setTimeout(() => {
      connecting = undefined
      if (stateOf(client) !== connectivityState.CONNECTING) return
      const reason = new ReeveError('UNAVAILABLE', `${formatAddress(options.to)} does not answer`)
      client.close()
      client = connect()
      for (const call of calls) if (!before.has(call)) call.giveUp(reason)
    }, connectTimeoutMs)
  }

  return {
    call(path, { metadata, timeoutMs }, listener) {
      try {
        if (!open) throw new ReeveError('UNAVAILABLE', 'the channel is closed')
        const deadline = timeoutMs === undefined ? {} : { deadline: clock.now() + timeoutMs }
        const sent = metadataToGrpc(metadata)
        watchConnecting()
        const stream = client.makeBidiStreamRequest<Uint8Array, Buffer>(path, asBuffer, identity, sent, deadline)
        const call = new Call(stream, listener, () => calls.delete(call))
        calls.add(call)
        return call
      } catch (error) {
        return failedCall(listener, error)
      }
    },
    close() {
      open = false
      clock.clearTimeout(connecting)
      for (const call of calls) call.cancel()
      client.close()
    },
  }
}

function stateOf(client: Client): connectivityState {
  return client.getChannel().getConnectivityState(false)
}

class Call implements ClientCall {
  readonly #stream: ClientDuplexStream<Uint8Array, Buffer>
  readonly #listener: ClientCallListener
  readonly #gone: () => void
  #status: StatusObject | undefined
  #reason: ReeveError | undefined
  #drained = false
  #cancelled = false
  #over = false
  #ended = false

  constructor(stream: ClientDuplexStream<Uint8Array, Buffer>, listener: ClientCallListener, gone: () => void) {
    this.#stream = stream
    this.#listener = listener
    this.#gone = gone
    stream.on('data', (message: Buffer) => {
      if (!this.#over && !this.#cancelled)
        listener.message(new Uint8Array(message.buffer, message.byteOffset, message.length))
    })
    stream.on('drain', () => {
      if (!this.#over && !this.#ended) listener.drained?.()
    })
    // The same status follows as an event of its own.
    stream.on('error', (_error: ServiceError) => {})
    stream.on('end', () => {
      this.#drained = true
      this.#close()
    })
    stream.on('status', (status) => {
      this.#status = status
      this.#close()
    })
  }

  send(message: Uint8Array): boolean {
    if (this.#over || this.#ended || this.#status !== undefined) return false
    return this.#stream.write(message)
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#stream.end()
  }

  cancel(): void {
    if (this.#over) return
    this.#cancelled = true
    this.#stream.cancel()
    this.#close()
  }

  /** Ends it with this error, unless it has ended already. */
  giveUp(reason: ReeveError): void {
    this.#reason = reason
    this.cancel()
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  /** Once the status is known and the messages before it were delivered; a cancelled call gets none any more. */
  #close(): void {
    const status = this.#status
    if (this.#over || status === undefined || !(this.#drained || this.#cancelled)) return
    this.#over = true
    this.#gone()
    this.#stream.resume()
    this.#listener.closed(this.#reason ?? errorOf(status))
  }
}

function errorOf(status: StatusObject): ReeveError | undefined {
  if (status.code === GrpcCode.OK) return undefined
  const details = status.metadata.get('grpc-status-details-bin')[0]
  return errorOfStatus(status.code, status.details, Buffer.isBuffer(details) ? details : undefined)
}

function asBuffer(message: Uint8Array): Buffer {
  return Buffer.from(message.buffer, message.byteOffset, message.length)
}

function identity(message: Buffer): Buffer {
  return message
}

function targetOf({ to }: RpcDialOptions): string {
  const version = isIP(to.host)
  return `${version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : 'dns'}:${formatAddress(to)}`
}

function credentialsOf(options: RpcDialOptions): ChannelCredentials {
  if (options.tls === undefined) return credentials.createInsecure()
  const { ca, cert, key } = checkTls(options.tls, 'client')
  const checks = { checkServerIdentity: serverNaming(options).check }
  return credentials.createSsl(ca ?? null, key ?? null, cert ?? null, checks)
}

function channelOptions(options: RpcDialOptions): Record<string, string | number> {
  const { serverName } = options
  return {
    'grpc-node.flow_control_window': windowBytes,
    'grpc.max_receive_message_length': options.maxMessageBytes ?? defaultMaxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 1000,
    'grpc.dns_min_time_between_resolutions_ms': 5000,
    'grpc.keepalive_time_ms': pingEveryMs,
    'grpc.keepalive_timeout_ms': pingTimeoutMs,
    // One connection a channel, closed with it, and no detour that the environment asks for.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.ssl_target_name_override': serverNaming(options).sent,
    ...(serverName === undefined ? {} : { 'grpc.default_authority': serverName }),
  }
}
