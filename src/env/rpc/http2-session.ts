/** Limits on what one connection may ask of us, and the end of connections that are idle or dead. */

import type { ServerHttp2Session, ServerOptions } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Caller, Clock, Timer } from '../env.ts'
import { callerCertificate } from './caller-certificate.ts'

/** Receive window of a stream and of a session: from 1 MiB on loopback is full, more is for longer ways. */
export const windowBytes = 8 * 1024 * 1024

/** Resets in a row and a second (CVE-2023-44487, rapid reset) are limited by nghttp2 itself: 1,000, then 33/s. */
export const sessionOptions: ServerOptions = {
  settings: {
    initialWindowSize: windowBytes,
    maxConcurrentStreams: 1000,
    maxHeaderListSize: 32 * 1024,
    enablePush: false,
  },
  maxHeaderListPairs: 200,
  /** MB that all streams of a session may have queued; node's default of 10 refuses calls beside a few slow readers. */
  maxSessionMemory: 256,
  unknownProtocolTimeout: 1000,
}

/** A connection that has not spoken HTTP/2 by then is closed. */
export const handshakeTimeoutMs = 10_000
/** Between two looks at a connection: without a call since the last one it is closed, with a dead peer destroyed. */
const beatMs = 60_000

export function watchSession(session: ServerHttp2Session, clock: Clock): Caller {
  const caller = callerOf(session)
  let timer: Timer | undefined = clock.setTimeout(() => session.destroy(), handshakeTimeoutMs)
  let streams = 0
  let used = true
  let answered = true
  const beat = () => {
    if (streams === 0 && !used) session.close()
    else if (!answered) session.destroy()
    if (session.destroyed) return
    used = false
    answered = false
    session.ping(() => {
      answered = true
    })
    timer = clock.setTimeout(beat, beatMs)
  }
  session.setLocalWindowSize(windowBytes)
  session.on('error', () => {})
  session.on('close', () => clock.clearTimeout(timer))
  session.once('remoteSettings', () => {
    clock.clearTimeout(timer)
    timer = clock.setTimeout(beat, beatMs)
  })
  const closed = () => streams--
  session.on('stream', (stream) => {
    streams++
    used = true
    stream.on('close', closed)
  })
  return caller
}

/** Taken once, while the socket is sure to be there. */
function callerOf(session: ServerHttp2Session): Caller {
  const socket = session.socket as TLSSocket
  const remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
  // Unverified certificates never get here: the handshake fails without a certificate of our CA, where one is asked for.
  const shown = socket.authorized ? socket.getPeerX509Certificate() : undefined
  const certificate = shown && callerCertificate(shown)
  return certificate === undefined ? { remote } : { remote, certificate }
}
