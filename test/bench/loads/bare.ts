/**
 * A server that stores nothing and knows nothing: what `node:http2` itself allows. It answers as gRPC: to Produce with a
 * small message once the request is whole, to ProduceStream with one for each message, to all else with messages of so
 * many bytes, so many, as the request says. With a folder it writes each chunk of a ProduceStream to a file there, over
 * zeros, and syncs it before it answers: one at a time, what Node allows of a durable answer.
 */

import { fdatasync, openSync, writeSync } from 'node:fs'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Target } from '../stage.ts'
import { framed, messageCutter } from './grpc.ts'

const windowBytes = 8 * 1024 * 1024
const headers = { ':status': 200, 'content-type': 'application/grpc' }
/** As long as an answer to a produce. */
const answer = framed(new Uint8Array(56))

export interface BareRequest {
  readonly folder?: string
}

export async function run({ folder }: BareRequest): Promise<Target> {
  const server = createServer({ settings: { initialWindowSize: windowBytes, maxConcurrentStreams: 1000 } })
  server.on('session', (session) => session.setLocalWindowSize(windowBytes))
  server.on('stream', (stream, { ':path': path = '' }) => {
    stream.on('error', () => undefined)
    stream.respond(headers, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    if (path.endsWith('/Produce')) unary(stream)
    else if (path.endsWith('/ProduceStream')) acks(stream, folder === undefined ? undefined : syncedFile(folder))
    else feed(stream)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function unary(stream: ServerHttp2Stream): void {
  stream.on('data', () => undefined)
  stream.on('end', () => stream.end(answer))
}

/** Writes and syncs; then calls. */
type Store = (bytes: Uint8Array, synced: () => void) => void

function syncedFile(folder: string): Store {
  const fd = openSync(join(folder, 'bare'), 'w')
  const zeros = new Uint8Array(4 * 1024 * 1024)
  writeSync(fd, zeros, 0, zeros.length, 0)
  let at = 0
  return (bytes, synced) => {
    at += writeSync(fd, bytes, 0, bytes.length, at % zeros.length)
    fdatasync(fd, (error) => {
      if (error) throw error
      synced()
    })
  }
}

/** The answers of a chunk go out in one write. */
function acks(stream: ServerHttp2Stream, store: Store = (_bytes, synced) => synced()): void {
  let count = 0
  const cut = messageCutter(() => void count++)
  stream.on('data', (chunk: Buffer) => {
    cut(chunk)
    const answers = count
    count = 0
    if (answers > 0) store(chunk, () => stream.write(Buffer.concat(new Array<Buffer>(answers).fill(answer))))
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
