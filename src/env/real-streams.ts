import { lookup } from 'node:dns/promises'
import { createConnection, createServer, isIP, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { formatAddress } from '../address.ts'
import type { ByteStream, ByteStreamListener, StreamListener, Streams } from './env.ts'
import { NetworkError } from './env.ts'

export const realStreams: Streams = {
  listen: (at, accept) =>
    new Promise((resolve, reject) => {
      const accepted = new Set<Socket>()
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        accepted.add(socket)
        socket.on('close', () => accepted.delete(socket))
        accept(wrap(socket))
      })
      server.once('error', (error) => reject(networkError(error)))
      server.listen(at.port, at.host, () => {
        // Accepting may fail later, for instance without free file descriptors; the listener outlives that.
        server.removeAllListeners('error').on('error', () => {})
        const { address, port } = server.address() as { address: string; port: number }
        const listener: StreamListener = {
          address: { host: address, port },
          close: () => {
            server.close()
            for (const socket of accepted) socket.destroy()
          },
        }
        resolve(listener)
      })
    }),

  connect: (to, timeoutMs, signal) =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ host: to.host, port: to.port, allowHalfOpen: true })
      const abort = () =>
        socket.destroy(new NetworkError('ECONNABORTED', `connecting to ${formatAddress(to)} was given up`))
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
      const timer = setTimeout(
        () => socket.destroy(new NetworkError('ETIMEDOUT', `connecting to ${formatAddress(to)} timed out`)),
        timeoutMs,
      )
      socket.once('error', (error) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        reject(networkError(error))
      })
      socket.once('connect', () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        socket.removeAllListeners('error')
        resolve(wrap(socket))
      })
    }),

  async resolve(host) {
    if (isIP(host) !== 0) return [host]
    try {
      const found = await lookup(host, { all: true })
      return found.map(({ address }) => address)
    } catch (error) {
      throw networkError(error)
    }
  },

  ownAddresses() {
    const found: { address: string; rank: number }[] = []
    for (const list of Object.values(networkInterfaces())) {
      for (const { address, family, internal } of list ?? []) {
        if (address.startsWith('fe80:')) continue // link-local: useless without a zone
        found.push({ address, rank: rank(address, family === 'IPv4', internal) })
      }
    }
    return found.sort((a, b) => a.rank - b.rank).map(({ address }) => address)
  },
}

/** RFC 1918 and RFC 4193 addresses first, then public ones, loopback last; IPv4 before IPv6 within each. */
function rank(address: string, v4: boolean, internal: boolean): number {
  const isPrivate = v4 ? /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address) : /^f[cd]/i.test(address)
  return (internal ? 4 : isPrivate ? 0 : 2) + (v4 ? 0 : 1)
}

function wrap(socket: Socket): ByteStream {
  socket.setNoDelay(true)
  socket.pause()
  let failure: Error | undefined
  socket.on('error', (error) => {
    failure = error
  })
  return {
    remote: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    receive(listener: ByteStreamListener) {
      const closed = () => listener.closed(failure && networkError(failure))
      if (socket.destroyed) {
        queueMicrotask(closed)
        return
      }
      socket.on('data', (bytes) => listener.data(bytes))
      socket.on('end', () => listener.ended())
      socket.on('drain', () => listener.drained?.())
      socket.on('close', closed)
      socket.resume()
    },
    write: (bytes) => (socket.writable ? socket.write(bytes) : true),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  }
}

export function networkError(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return new NetworkError(code ?? 'EIO', message, { cause: error })
}
