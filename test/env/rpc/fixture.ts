/** A server of hand-written handlers behind the real descriptors, and a client that speaks bare HTTP/2 to it. */

import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'
import { type TestContext, test } from 'node:test'
import type {
  CallListener,
  RpcDialOptions,
  RpcHandler,
  RpcServeOptions,
  RpcServer,
  RpcServerEvent,
  ServerCall,
} from '../../../src/env/env.ts'
import { realClock } from '../../../src/env/real-clock.ts'
import { createRealRpc } from '../../../src/env/rpc/index.ts'
import { LogService } from '../../../src/gen/reeve/v1/log_service_pb.ts'

export const rpc = createRealRpc({ clock: realClock })
export const loopback = { host: '127.0.0.1', port: 0 }
export const maxMessageBytes = 1024 * 1024

/** The same scenario over both kinds of channel; `lean` goes to each `dial` in it. */
export function overBoth(name: string, scenario: (t: TestContext, lean: Lean) => Promise<void>): void {
  test(name, (t) => scenario(t, {}))
  test(`${name}, over a lean channel`, (t) => scenario(t, { lean: true }))
}

export type Lean = Pick<RpcDialOptions, 'lean'>

/** Hot: produce, produceStream, consume, consumeStream. The others take the Connect lane. */
export type Handlers = Partial<Record<keyof typeof LogService.method, RpcHandler>>
const hot = new Set(['produce', 'produceStream', 'consume', 'consumeStream'])

export interface Served {
  readonly server: RpcServer
  readonly port: number
  readonly events: RpcServerEvent[]
}

export async function serve(
  t: TestContext,
  handlers: Handlers,
  options: Partial<RpcServeOptions> = {},
): Promise<Served> {
  const events: RpcServerEvent[] = []
  const routes = Object.entries(handlers).map(([name, handle]) => ({
    method: LogService.method[name as keyof typeof LogService.method],
    hot: hot.has(name),
    handle,
  }))
  const report = (event: RpcServerEvent) => events.push(event)
  const server = await rpc.serve({ at: loopback, maxMessageBytes, routes, report, ...options })
  t.after(() => server.close())
  return { server, port: server.address.port, events }
}

/** Sends every message back; ends when the caller does. */
export const echo: RpcHandler = (call) => ({
  message: (bytes) => void call.send(bytes),
  ended: () => call.finish(),
})

/** Keeps the call and hears nothing. */
export function silent(listener: Partial<CallListener> = {}): { handle: RpcHandler; called: Promise<ServerCall> } {
  const { promise, resolve } = signal<ServerCall>()
  return {
    handle: (call) => {
      resolve(call)
      return { message() {}, ...listener }
    },
    called: promise,
  }
}

/**
 * Answers with `total` messages of `size` bytes as fast as the caller takes them; the first byte of each counts from 1.
 * `stuck` resolves once the caller has taken at least `stuckBytes` and takes no more for now.
 */
export function pouring(total: number, size: number, stuckBytes = 0) {
  const stuck = signal()
  const poured = { sent: 0 }
  const handle: RpcHandler = (call) => {
    const fill = () => {
      while (poured.sent < total) {
        poured.sent++
        if (call.send(new Uint8Array(size).fill(poured.sent))) continue
        if (poured.sent * size >= stuckBytes) stuck.resolve()
        return
      }
      call.finish()
    }
    return { message: fill, drained: fill }
  }
  const expected = Array.from({ length: total }, (_, index) => (index + 1) & 0xff)
  return { handle, stuck: stuck.promise, poured, expected }
}

export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}

export function frame(message: Uint8Array, flags = 0): Buffer {
  const header = Buffer.alloc(5)
  header[0] = flags
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

export interface RawAnswer {
  readonly httpStatus: number
  readonly headers: IncomingHttpHeaders
  readonly trailers: IncomingHttpHeaders
  /** Of the trailers, or of the headers where they are all. */
  readonly status: string | undefined
  readonly message: string | undefined
  readonly details: Uint8Array | undefined
  readonly body: Buffer
  readonly messages: Buffer[]
  /** HTTP/2 error code the stream ended with. */
  readonly reset: number | undefined
}

export async function rawSession(t: TestContext, port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  t.after(() => session.destroy())
  await once(session, 'remoteSettings')
  return session
}

export interface RawCall {
  readonly stream: ClientHttp2Stream
  readonly answer: Promise<RawAnswer>
}

/** Opens a call; `stream` is left open for the test to write to. */
export function openRaw(session: ClientHttp2Session, method: string, headers: Record<string, string> = {}): RawCall {
  const stream = session.request({
    ':method': 'POST',
    ':path': method.startsWith('/') ? method : `/reeve.v1.LogService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  return { stream, answer: answerOf(stream) }
}

/** A whole call: these bytes, then half-close. */
export function callRaw(
  session: ClientHttp2Session,
  method: string,
  chunks: readonly Uint8Array[],
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  const { stream, answer } = openRaw(session, method, headers)
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  return answer
}

async function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  let headers: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  const parts: Buffer[] = []
  stream.on('response', (received) => {
    headers = received
  })
  stream.on('trailers', (received) => {
    trailers = received
  })
  stream.on('data', (part: Buffer) => parts.push(part))
  stream.on('error', () => {})
  await new Promise((resolve) => stream.on('close', resolve))
  const body = Buffer.concat(parts)
  const messages: Buffer[] = []
  for (let at = 0; at + 5 <= body.length; ) {
    const length = body.readUInt32BE(at + 1)
    messages.push(body.subarray(at + 5, at + 5 + length))
    at += 5 + length
  }
  const last = trailers['grpc-status'] === undefined ? headers : trailers
  const details = last['grpc-status-details-bin'] as string | undefined
  return {
    httpStatus: Number(headers[':status']),
    headers,
    trailers,
    status: last['grpc-status'] as string | undefined,
    message: last['grpc-message'] === undefined ? undefined : decodeURIComponent(last['grpc-message'] as string),
    details: details === undefined ? undefined : Buffer.from(details, 'base64'),
    body,
    messages,
    reset: stream.rstCode,
  }
}
