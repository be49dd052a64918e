/**
 * A server that stores nothing and knows nothing: what `node:http2` itself allows. It answers as gRPC: to Produce with a
 * small message once the request is whole, to ProduceStream with one for each message, to all else with messages of so
 * many bytes, so many, as the request says.
 */

import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Target } from '../stage.ts'
import { framed, messageCutter } from './grpc.ts'

const windowBytes = 8 * 1024 * 1024
const headers = { ':status': 200, 'content-type': 'application/grpc' }
/** As long as an answer to a produce. */
const answer = framed(new Uint8Array(56))

export async function run(): Promise<Target> {
  const server = createServer({ settings: { initialWindowSize: windowBytes, maxConcurrentStreams: 1000 } })
  server.on('session', (session) => session.setLocalWindowSize(windowBytes))
  server.on('stream', (stream, { ':path': path = '' }) => {
    stream.on('error', () => undefined)
    stream.respond(headers, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    if (path.endsWith('/Produce')) unary(stream)
    else if (path.endsWith('/ProduceStream')) acks(stream)
    else feed(stream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function unary(stream: ServerHttp2Stream): void {
  stream.on('data', () => undefined)
  stream.on('end', () => stream.end(answer))
}

/** The answers of a chunk go out in one write. */
function acks(stream: ServerHttp2Stream): void {
  let count = 0
  const cut = messageCutter(() => void count++)
  stream.on('data', (chunk: Buffer) => {
    cut(chunk)
    if (count > 0) stream.write(Buffer.concat(new Array<Buffer>(count).fill(answer)))
    count = 0
  })
  stream.on('end', () => stream.end())
}

function feed(stream: ServerHttp2Stream): void {
  stream.on(
    'data',
    messageCutter((request) => {
      const message = framed(new Uint8Array(request.readUInt32BE(0)))
      let left = request.readUInt32BE(4)
      const write = () => {
        while (left > 0) {
          left--
          if (!stream.write(message)) return
        }
        stream.end()
      }
      stream.on('drain', write)
      write()
    }),
  )
}
