/**
 * A connection to a peer, for streams that carry much or are waited for: `dial` with less between a record and the socket.
 *
 * Owns one HTTP/2 session at a time: made by the first call, anew by the first one after it was lost or the peer wants no
 * more calls on it, watched by pings while calls run. Decides nothing about whom to call or when to call again.
 */

import { type ClientHttp2Session, connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { formatAddress } from '../../address.ts'
import { ReeveError } from '../../errors.ts'
import type { Clock, RpcChannel, RpcDialOptions, Timer } from '../env.ts'
import {
  connectTimeoutMs,
  defaultMaxMessageBytes,
  failedCall,
  pingEveryMs,
  pingTimeoutMs,
  serverNaming,
} from './dialing.ts'
import { formatGrpcTimeout } from './grpc-timeout.ts'
import { windowBytes } from './http2-session.ts'
import { LinkCall } from './link-call.ts'
import { metadataToGrpc } from './metadata.ts'
import { checkTls } from './tls.ts'

/** Throws `TLS_INVALID` where the material is unusable. */
export function link(options: RpcDialOptions, clock: Clock): RpcChannel {
  const { to, serverName, maxMessageBytes = defaultMaxMessageBytes } = options
  const secure = secureOptions(options)
  const authority = serverName ?? formatAddress(to)
  const calls = new Set<LinkCall>()
  let current: Connection | undefined
  let open = true

  return {
    call(path, { metadata, timeoutMs }, listener) {
      try {
        if (!open) throw new ReeveError('UNAVAILABLE', 'the channel is closed')
        const sent = metadataToGrpc(metadata).toHttp2Headers()
        if (!current?.usable) current = new Connection(options, secure, clock)
        const connection = current
        const stream = connection.session.request({
          ...sent,
          ...{ ':method': 'POST', ':scheme': secure ? 'https' : 'http', ':authority': authority, ':path': path },
          ...{ te: 'trailers', 'content-type': 'application/grpc' },
          ...(timeoutMs !== undefined && { 'grpc-timeout': formatGrpcTimeout(timeoutMs) }),
        })
        connection.calls++
        const side = {
          ...{ clock, maxMessageBytes },
          lost: () => connection.lost,
          gone: () => {
            connection.calls--
            calls.delete(call)
          },
        }
        const call = new LinkCall(side, stream, listener, timeoutMs)
        calls.add(call)
        return call
      } catch (error) {
        return failedCall(listener, error)
      }
    },
    close() {
      open = false
      for (const call of calls) call.cancel()
      current?.close()
    },
  }
}

class Connection {
  readonly session: ClientHttp2Session
  /** Under way on it. */
  calls = 0
  readonly #to: string
  readonly #clock: Clock
  #timer: Timer | undefined
  #up = false
  #lost: string | undefined

  constructor({ to }: RpcDialOptions, secure: ConnectionOptions | undefined, clock: Clock) {
    this.#to = formatAddress(to)
    this.#clock = clock
    this.session = connect(`http://peer`, {
      createConnection: () => (secure ? connectTls({ ...to, ...secure }) : connectTcp({ ...to })),
      settings: { initialWindowSize: windowBytes, enablePush: false },
      maxSessionMemory: 256,
    })
    const session = this.session
    session.on('error', (error) => {
      this.#lost ??= `${this.#to}: ${error.message}`
    })
    session.on('close', () => {
      clock.clearTimeout(this.#timer)
      this.#lost ??= `${this.#to} closed the connection`
    })
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(windowBytes)
    })
    session.once('remoteSettings', () => {
      this.#up = true
      clock.clearTimeout(this.#timer)
      this.#beat()
    })
    this.#timer = clock.setTimeout(() => this.#give(`${this.#to} does not answer`), connectTimeoutMs)
  }

  get usable(): boolean {
    return !this.session.closed && !this.session.destroyed
  }

  /** Why it is gone; undefined: it is not. */
  get lost(): string | undefined {
    return this.#lost ?? (this.session.destroyed ? `${this.#to} is gone` : undefined)
  }

  close(): void {
    if (this.#up) this.session.close()
    else this.session.destroy()
  }

  #give(reason: string): void {
    this.#lost ??= reason
    this.session.destroy()
  }

  #beat(): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (this.calls === 0) {
        this.#beat()
        return
      }
      this.#timer = this.#clock.setTimeout(() => this.#give(`${this.#to} no longer answers`), pingTimeoutMs)
      this.session.ping(() => {
        if (!this.usable) return
        this.#clock.clearTimeout(this.#timer)
        this.#beat()
      })
    }, pingEveryMs)
  }
}

function secureOptions(options: RpcDialOptions): ConnectionOptions | undefined {
  if (options.tls === undefined) return undefined
  const { sent, check } = serverNaming(options)
  return {
    ...checkTls(options.tls, 'client'),
    ALPNProtocols: ['h2'],
    servername: sent,
    checkServerIdentity: check,
  }
}
