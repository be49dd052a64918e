/**
 * gRPC as somebody else's client would speak it: nothing of Reeve's own code, `node:http2` and five bytes before each
 * message. It costs less than any client with generated code, so that what is measured is rather the server.
 */

import { readFileSync } from 'node:fs'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import type { Target } from '../stage.ts'

const windowBytes = 8 * 1024 * 1024

export interface GrpcCall {
  /** Framed bytes: one message or many behind each other. */
  send(framed: Uint8Array): void
  end(): void
  cancel(): void
  /** The server's status, once the stream is over: rejects unless it is OK. */
  readonly ended: Promise<void>
}

export interface GrpcClient {
  call(path: string, message: (bytes: Buffer) => void): GrpcCall
  /** The same without messages: what came, as it came. */
  raw(path: string, chunk: (bytes: Buffer) => void): GrpcCall
  close(): void
}

export async function connectGrpc({ address, caFile }: Target): Promise<GrpcClient> {
  const tls = caFile === undefined ? {} : { ca: readFileSync(caFile) }
  const session = connect(`${caFile === undefined ? 'http' : 'https'}://${address}`, {
    ...tls,
    settings: { initialWindowSize: windowBytes, enablePush: false },
  })
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve())
    session.once('error', reject)
  })
  session.setLocalWindowSize(windowBytes)
  return {
    call: (path, message) => {
      const cut = messageCutter(message)
      return open(session, path, cut)
    },
    raw: (path, chunk) => open(session, path, chunk),
    close: () => session.destroy(),
  }
}

function open(session: ClientHttp2Session, path: string, chunk: (bytes: Buffer) => void): GrpcCall {
  const stream: ClientHttp2Stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  let status: string | undefined
  let reason = ''
  let cancelled = false
  const see = (headers: Record<string, unknown>) => {
    if (headers['grpc-status'] === undefined) return
    status = String(headers['grpc-status'])
    reason = decodeURIComponent(String(headers['grpc-message'] ?? ''))
  }
  stream.on('response', see)
  stream.on('trailers', see)
  stream.on('data', chunk)
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('error', reject)
    stream.on('close', () => {
      if (status === '0' || cancelled) resolve()
      else reject(new Error(`${path}: status ${status ?? 'missing'} ${reason}`))
    })
  })
  ended.catch(() => undefined)
  return {
    send: (framed) => void stream.write(framed),
    end: () => stream.end(),
    cancel: () => {
      cancelled = true
      stream.close(constants.NGHTTP2_CANCEL)
    },
    ended,
  }
}

/** Five bytes of header, then the message; both may be cut anywhere. */
export function messageCutter(message: (bytes: Buffer) => void): (chunk: Buffer) => void {
  let held: Buffer[] = []
  let heldBytes = 0
  /** Bytes that the message at the front takes, its header included; 0: not known yet. */
  let wanted = 0
  return (chunk) => {
    let bytes = chunk
    if (heldBytes > 0) {
      held.push(chunk)
      heldBytes += chunk.length
      if (heldBytes < Math.max(5, wanted)) return
      bytes = Buffer.concat(held)
      held = []
      heldBytes = 0
    }
    let at = 0
    wanted = 0
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1)
      if (end > bytes.length) {
        wanted = end - at
        break
      }
      message(bytes.subarray(at + 5, end))
      at = end
    }
    if (at < bytes.length) {
      held.push(bytes.subarray(at))
      heldBytes = bytes.length - at
    }
  }
}

/** One message with its header. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length)
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, 5)
  return bytes
}

/** So many copies of it behind each other. */
export function repeated(bytes: Uint8Array, count: number): Buffer {
  return Buffer.concat(new Array<Uint8Array>(count).fill(bytes))
}
