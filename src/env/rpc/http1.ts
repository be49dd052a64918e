/**
 * The plain HTTP/1.1 listener for browsers: Connect and gRPC-Web, opened to pages of this machine only, and pages, which
 * decide for themselves who may see them.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { cors } from '@connectrpc/connect'
import { isLoopback } from '../../address.ts'
import type { ConnectLane } from './connect-lane.ts'
import type { WebPages } from './web-pages.ts'

const handshakeTimeoutMs = 10_000
const preflightMaxAgeSeconds = '7200'

export function createHttp1Server(lane: ConnectLane, pages?: WebPages): Server {
  const server = createServer({ headersTimeout: handshakeTimeoutMs, maxHeaderSize: 16 * 1024 }, (request, response) => {
    if (pages?.answer(request, response)) {
      closeOnceIdle(response)
    } else if (!admitOrigin(request, response)) {
      response.statusCode = 403
      response.end()
      request.resume()
    } else if (request.method === 'OPTIONS') {
      response.statusCode = 204
      response.end()
    } else {
      closeOnceIdle(response)
      const { remoteAddress = '', remotePort = 0 } = request.socket
      lane(request, response, { remote: { host: remoteAddress, port: remotePort } })
    }
  })
  /** A connection that answered its last request while the server drains would else be kept for seconds. */
  const closeOnceIdle = (response: ServerResponse) =>
    response.on('close', () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    else socket.destroy()
  })
  return server
}

/**
 * Sets the CORS headers. False: a page from elsewhere asks. A listener on loopback also refuses pages that seem to be
 * its own: their host name may have been rebound to this machine (DNS rebinding).
 */
function admitOrigin(request: IncomingMessage, response: ServerResponse): boolean {
  const { origin, host } = request.headers
  response.setHeader('vary', 'origin')
  if (origin === undefined) return true
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  if (url === undefined) return false
  if (isLoopback(url.hostname.replace(/^\[(.*)\]$/, '$1'))) {
    response.setHeader('access-control-allow-origin', origin)
    response.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '))
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-methods', cors.allowedMethods.join(', '))
      response.setHeader('access-control-allow-headers', cors.allowedHeaders.join(', '))
      response.setHeader('access-control-max-age', preflightMaxAgeSeconds)
    }
    return true
  }
  return url.host === host && !isLoopback(request.socket.localAddress?.replace(/^::ffff:/, '') ?? '')
}
