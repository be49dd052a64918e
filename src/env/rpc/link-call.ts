/**
 * The calling end of one gRPC call straight on an HTTP/2 stream, as `FastCall` is its serving end: no object, promise or
 * turn of the event loop a message.
 *
 * Owns the stream from its headers to its close: framing both ways, deadline, status. Tells the listener of the end exactly
 * once, behind all messages; nothing after a cancel but that.
 */

import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2'
import { GrpcCode, ReeveError } from '../../errors.ts'
import type { ClientCall, ClientCallListener, Clock, Timer } from '../env.ts'
import { FrameReader, frameMessages } from './grpc-frame.ts'
import { errorOfStatus, percentDecode } from './grpc-status.ts'
import { timerMaxMs } from './grpc-timeout.ts'
import { sendQueueMaxBytes } from './lane.ts'
import { writeChunks } from './write-chunks.ts'

/** A peer's usual message of frames is gathered in memory that was taken once. */
const trustedBytes = 512 * 1024

/** What the call needs of its connection. */
export interface LinkSide {
  readonly clock: Clock
  readonly maxMessageBytes: number
  /** Why the connection is gone; undefined: it is not. */
  lost(): string | undefined
  /** The call is over. */
  gone(): void
}

export class LinkCall implements ClientCall {
  readonly #side: LinkSide
  readonly #stream: ClientHttp2Stream
  readonly #listener: ClientCallListener
  readonly #reader: FrameReader
  readonly #deadlineTimer: Timer | undefined
  #paused = false
  #delivering = false
  /** Nothing more arrives, but perhaps the status; what did may still wait for `resume`. */
  #readAll = false
  #closed = false
  #status: { readonly code: number; readonly message: string; readonly details: Uint8Array | undefined } | undefined
  #httpStatus = 200
  /** What node says of the stream's end. */
  #broke: string | undefined
  /** Why it was ended from this side. */
  #reason: ReeveError | undefined
  #over = false

  #queue: Uint8Array[] = []
  #queueBytes = 0
  #flushing = false
  #wantsDrain = false
  #ended = false

  constructor(side: LinkSide, stream: ClientHttp2Stream, listener: ClientCallListener, timeoutMs: number | undefined) {
    this.#side = side
    this.#stream = stream
    this.#listener = listener
    this.#reader = new FrameReader(side.maxMessageBytes, trustedBytes)
    stream.on('response', (headers) => this.#answered(headers))
    stream.on('trailers', (headers) => this.#see(headers))
    stream.on('end', () => {
      this.#readAll = true
      this.#deliver()
    })
    stream.on('data', (chunk: Uint8Array) => {
      if (this.#over || this.#reason) return
      this.#reader.push(chunk)
      this.#deliver()
    })
    stream.on('error', ({ message }) => {
      this.#broke = message
    })
    stream.on('close', () => {
      this.#closed = true
      this.#deliver()
    })
    if (timeoutMs === undefined || timeoutMs > timerMaxMs) return
    const expire = () => this.giveUp(new ReeveError('DEADLINE_EXCEEDED', 'the deadline of the call has passed'))
    this.#deadlineTimer = side.clock.setTimeout(expire, timeoutMs)
  }

  send(message: Uint8Array): boolean {
    if (this.#over || this.#ended || this.#reason || this.#status) return false
    this.#queue.push(message)
    this.#queueBytes += message.length
    if (!this.#flushing) {
      this.#flushing = true
      queueMicrotask(() => this.#flush())
    }
    if (this.#queueBytes + this.#stream.writableLength < sendQueueMaxBytes) return true
    this.#wantsDrain = true
    return false
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#flush()
    if (!this.#stream.destroyed) this.#stream.end()
  }

  cancel(): void {
    this.giveUp(new ReeveError('CANCELLED', 'the call was cancelled'))
  }

  /** Ends it with this error, unless it has ended already. */
  giveUp(reason: ReeveError): void {
    if (this.#over || this.#reason) return
    this.#reason = reason
    this.#queue = []
    this.#stream.close(constants.NGHTTP2_CANCEL)
    // Not from within the caller's own stack.
    queueMicrotask(() => this.#finish(reason))
  }

  pause(): void {
    if (this.#over) return
    this.#paused = true
    this.#stream.pause()
  }

  resume(): void {
    if (this.#over || !this.#paused) return
    this.#paused = false
    queueMicrotask(() => {
      this.#deliver()
      if (!this.#paused && !this.#over) this.#stream.resume()
    })
  }

  #answered(headers: IncomingHttpHeaders): void {
    this.#httpStatus = Number(headers[':status'])
    this.#see(headers)
  }

  #see(headers: IncomingHttpHeaders): void {
    const code = headers['grpc-status']
    if (code === undefined) return
    const details = headers['grpc-status-details-bin']
    this.#status = {
      code: Number(code),
      message: percentDecode(String(headers['grpc-message'] ?? '')),
      details: typeof details === 'string' ? Buffer.from(details, 'base64') : undefined,
    }
    if (this.#readAll) this.#deliver()
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (!this.#paused && !this.#over && !this.#reason) {
        const message = this.#reader.next()
        if (message === undefined) break
        this.#listener.message(message)
      }
    } finally {
      this.#delivering = false
    }
    if (this.#over || this.#reason) return
    if (this.#reader.failure !== undefined) this.giveUp(this.#refusal())
    else if (!this.#paused && (this.#closed || (this.#readAll && this.#status))) this.#finish(this.#outcome())
  }

  #refusal(): ReeveError {
    const { failure, refusedBytes } = this.#reader
    if (failure !== 'tooLarge') return errorOfStatus(GrpcCode.INTERNAL, 'what the server sent is no message', undefined)
    const limit = this.#side.maxMessageBytes
    const message = `a message of ${refusedBytes} bytes is larger than the limit of ${limit} bytes`
    return new ReeveError('MESSAGE_TOO_LARGE', message, { facts: { limit: String(limit) } })
  }

  #outcome(): ReeveError | undefined {
    const status = this.#status
    if (status?.code === GrpcCode.OK) {
      if (this.#reader.atBoundary) return undefined
      return errorOfStatus(GrpcCode.INTERNAL, 'the answer ended in the middle of a message', undefined)
    }
    if (status) return errorOfStatus(status.code, status.message, status.details)
    const lost = this.#side.lost()
    if (lost !== undefined) return new ReeveError('UNAVAILABLE', this.#broke ?? lost)
    if (this.#httpStatus !== 200) {
      return errorOfStatus(statusOfHttp(this.#httpStatus), `HTTP status ${this.#httpStatus}`, undefined)
    }
    const { rstCode } = this.#stream
    return errorOfStatus(statusOfReset(rstCode ?? 0), `the server reset the call with code ${rstCode}`, undefined)
  }

  #finish(error: ReeveError | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#queue = []
    this.#side.clock.clearTimeout(this.#deadlineTimer)
    this.#side.gone()
    // Over for the server, too, which may still listen.
    if (!this.#closed && !this.#ended) this.#stream.close(constants.NGHTTP2_CANCEL)
    this.#listener.closed(error)
  }

  #flush(): void {
    this.#flushing = false
    const stream = this.#stream
    if (this.#queue.length === 0 || stream.destroyed || stream.closed) return
    const chunks = frameMessages(this.#queue)
    this.#queue = []
    this.#queueBytes = 0
    writeChunks(stream, chunks, () => this.#written())
  }

  #written(): void {
    if (!this.#wantsDrain || this.#over || this.#ended) return
    if (this.#queueBytes + this.#stream.writableLength > sendQueueMaxBytes / 2) return
    this.#wantsDrain = false
    this.#listener.drained?.()
  }
}

/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
function statusOfHttp(status: number): GrpcCode {
  if (status === 400) return GrpcCode.INTERNAL
  if (status === 401) return GrpcCode.UNAUTHENTICATED
  if (status === 403) return GrpcCode.PERMISSION_DENIED
  if (status === 404) return GrpcCode.UNIMPLEMENTED
  return status === 429 || (status >= 502 && status <= 504) ? GrpcCode.UNAVAILABLE : GrpcCode.UNKNOWN
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function statusOfReset(code: number): GrpcCode {
  if (code === constants.NGHTTP2_REFUSED_STREAM) return GrpcCode.UNAVAILABLE
  if (code === constants.NGHTTP2_CANCEL) return GrpcCode.CANCELLED
  if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM) return GrpcCode.RESOURCE_EXHAUSTED
  return code === constants.NGHTTP2_INADEQUATE_SECURITY ? GrpcCode.PERMISSION_DENIED : GrpcCode.INTERNAL
}
