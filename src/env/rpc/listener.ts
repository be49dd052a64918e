/**
 * The server side of `Rpc`: one HTTP/2 listener for everything, an HTTP/1.1 one for browsers beside it.
 *
 * Owns listening, sessions, which lane a request takes, and the end: draining, then cutting. Knows nothing of framing.
 */

import {
  createSecureServer,
  createServer,
  type Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Server, Socket } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import { ReeveError } from '../../errors.ts'
import type { Caller, Clock, RpcServeOptions, RpcServer, TlsMaterial } from '../env.ts'
import { bind } from './bind.ts'
import { createConnectLane } from './connect-lane.ts'
import { FastCall, isFast } from './fast-lane.ts'
import { createHttp1Server } from './http1.ts'
import { handshakeTimeoutMs, sessionOptions, watchSession } from './http2-session.ts'
import type { Lane } from './lane.ts'
import { checkTls } from './tls.ts'
import { WebPages } from './web-pages.ts'

/** What the last statuses get to reach their callers before connections are destroyed. */
const farewellMs = 250
const nobody: Caller = { remote: { host: '', port: 0 } }

export async function serve(options: RpcServeOptions, clock: Clock): Promise<RpcServer> {
  const report = options.report ?? (() => {})
  const lane: Lane = { clock, maxMessageBytes: options.maxMessageBytes, calls: new Set(), report }
  const connectLane = createConnectLane(lane, options.routes)
  const hot = new Map(
    options.routes
      .filter((route) => route.hot)
      .map((route) => [`/${route.method.parent.typeName}/${route.method.name}`, route]),
  )

  let draining: Promise<void> | undefined
  let hasten = () => {}
  const hastened = new Promise<void>((resolve) => {
    hasten = resolve
  })

  const server = createHttp2(options.tls)
  const sockets = new Set<Socket>()
  const callers = new WeakMap<Http2Session, Caller>()
  const sessions = new Set<ServerHttp2Session>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  }
  server.on('connection', keep)
  server.on('session', (session) => {
    callers.set(session, watchSession(session, clock))
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    if (draining !== undefined) session.close()
  })
  server.on('sessionError', (error, session) => {
    const from = callers.get(session)?.remote.host ?? ''
    report({ kind: 'protocolError', from, message: error.message })
  })
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    report({ kind: 'tlsRejected', from: socket.remoteAddress ?? '', message: error.message })
    socket.destroy()
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
    const caller = (stream.session && callers.get(stream.session)) ?? nobody
    const route = hot.get(headers[':path'] ?? '')
    if (route !== undefined && isFast(headers)) {
      new FastCall(lane, route, caller, stream, raw).begin(headers)
    } else {
      connectLane(new Http2ServerRequest(stream, headers, {}, raw), new Http2ServerResponse(stream), caller)
    }
  })

  const address = await bind(server as Server, options.at)
  const pages = options.web && new WebPages(options.web, report)
  const http = options.httpAt && createHttp1Server(connectLane, pages)
  http?.on('connection', keep)
  const httpAddress =
    http &&
    (await bind(http, options.httpAt!).catch((error) => {
      server.close()
      for (const socket of sockets) socket.destroy()
      throw error
    }))

  async function drain(graceMs: number): Promise<void> {
    const closed = Promise.all([server, http].map((one) => one && closeListener(one)))
    for (const session of sessions) session.close()
    pages?.close()
    await within(Promise.race([closed, hastened]), graceMs)
    // Not NODE_STOPPING: what such a call asked for may be done already, or be done yet.
    for (const call of lane.calls) call.cut(new ReeveError('UNAVAILABLE', 'the server closed before it had an answer'))
    http?.closeIdleConnections()
    await within(closed, farewellMs)
    for (const session of sessions) session.destroy()
    for (const socket of sockets) socket.destroy()
    await closed
  }

  function within(event: Promise<unknown>, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, timeoutMs)
      void event.then(() => {
        clock.clearTimeout(timer)
        resolve()
      })
    })
  }

  return {
    address,
    ...(httpAddress === undefined ? {} : { httpAddress }),
    replaceTls: (tls) => replaceTls(server as Server, options.tls, tls),
    drain(graceMs) {
      draining ??= drain(graceMs)
      return draining
    },
    close() {
      draining ??= drain(0)
      hasten()
      return draining
    },
    calls: lane.calls,
  }
}

/** The secure server has the same events. */
function createHttp2(tls: TlsMaterial | undefined): Http2Server {
  if (tls === undefined) return createServer(sessionOptions)
  const mutual = tls.ca !== undefined
  const server = createSecureServer({
    ...sessionOptions,
    ...checkTls(tls, 'server'),
    requestCert: mutual,
    rejectUnauthorized: mutual,
    handshakeTimeout: handshakeTimeoutMs,
  })
  return server as unknown as Http2Server
}

function replaceTls(server: Server, begunWith: TlsMaterial | undefined, tls: TlsMaterial): void {
  if (begunWith === undefined) throw new ReeveError('TLS_INVALID', 'this server was started without TLS')
  // Whether callers must show a certificate is fixed when the listener is made; a silent change would open the door.
  if ((begunWith.ca === undefined) !== (tls.ca === undefined)) {
    throw new ReeveError('TLS_INVALID', 'mutual TLS cannot be turned on or off while the server runs')
  }
  ;(server as TlsServer).setSecureContext(checkTls(tls, 'server'))
}

function closeListener(server: { close(callback: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
