/**
 * One gRPC call straight on an HTTP/2 stream: no generator, no object or promise a message.
 *
 * Owns the stream from its headers to its close: framing both ways, deadline, status. Never lets a throw of the handler
 * out, never calls the listener after the end, never buffers more than the stream's window in and a bounded queue out.
 */

import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { GrpcCode, ReeveError } from '../../errors.ts'
import type { Caller, CallListener, RpcRoute, ServerCall, Timer } from '../env.ts'
import { FrameReader, frameMessages } from './grpc-frame.ts'
import { protocolError, trailersOf } from './grpc-status.ts'
import { parseGrpcTimeout, timerMaxMs } from './grpc-timeout.ts'
import { type Lane, type RunningCall, sendQueueMaxBytes } from './lane.ts'
import { metadataFromRaw } from './metadata.ts'
import { writeChunks } from './write-chunks.ts'

const grpcContentType = /^application\/grpc(?:\+proto)?$/i
const responseHeaders = { ':status': 200, 'content-type': 'application/grpc+proto' }
const withTrailers = { waitForTrailers: true }
/** A caller that goes on sending after its call has ended and all answers have gone is cut off after this time. */
const lingerMs = 1000

/** Whether a request to a hot route is plain gRPC; compressed calls and all else are for the other lane. */
export function isFast(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding']
  return (
    headers[':method'] === 'POST' &&
    grpcContentType.test(headers['content-type'] ?? '') &&
    (encoding === undefined || encoding === 'identity')
  )
}

export class FastCall implements ServerCall, RunningCall {
  readonly caller: Caller
  readonly beganMs: number
  readonly #lane: Lane
  readonly #route: RpcRoute
  readonly #stream: ServerHttp2Stream
  readonly #raw: readonly string[]
  #metadata: ReadonlyMap<string, string> | undefined
  #listener: CallListener | undefined
  /** A status was decided: the listener hears nothing any more. */
  #over = false
  #status: ReeveError | undefined

  readonly #reader: FrameReader
  readonly #single: boolean
  /** The one request of a call that may have only one, kept until the caller has half-closed. */
  #only: Uint8Array | undefined
  #paused = false
  #delivering = false
  /** The caller has half-closed and the listener was not told yet. */
  #endPending = false

  #queue: Uint8Array[] = []
  #queueBytes = 0
  #flushing = false
  #wantsDrain = false
  #answered = false

  #deadlineMs: number | undefined
  #deadlineTimer: Timer | undefined
  #lingerTimer: Timer | undefined

  constructor(lane: Lane, route: RpcRoute, caller: Caller, stream: ServerHttp2Stream, raw: readonly string[]) {
    this.caller = caller
    this.#lane = lane
    this.#route = route
    this.#stream = stream
    this.#raw = raw
    this.beganMs = lane.clock.monotonicMs()
    this.#reader = new FrameReader(lane.maxMessageBytes)
    this.#single = route.method.methodKind === 'unary' || route.method.methodKind === 'server_streaming'
  }

  begin(headers: IncomingHttpHeaders): void {
    const stream = this.#stream
    this.#lane.calls.add(this)
    stream.on('error', () => {})
    stream.on('close', () => this.#closed())
    stream.on('wantTrailers', () => this.#sendTrailers())
    stream.on('end', () => {
      this.#endPending = true
      this.#deliver()
    })
    stream.on('data', (chunk: Uint8Array) => {
      if (this.#over) return
      this.#reader.push(chunk)
      this.#deliver()
    })
    const timeout = headers['grpc-timeout']
    if (timeout !== undefined && !this.#startDeadline(String(timeout))) return
    try {
      this.#listener = this.#route.handle(this)
    } catch (error) {
      this.#crash(error)
    }
  }

  get path(): string {
    return `/${this.#route.method.parent.typeName}/${this.#route.method.name}`
  }

  get metadata(): ReadonlyMap<string, string> {
    this.#metadata ??= metadataFromRaw(this.#raw)
    return this.#metadata
  }

  remainingMs(): number | undefined {
    return this.#deadlineMs === undefined ? undefined : this.#deadlineMs - this.#lane.clock.monotonicMs()
  }

  send(message: Uint8Array): boolean {
    if (this.#over) return false
    this.#queue.push(message)
    this.#queueBytes += message.length
    // The one answer of a call leaves with its end.
    if (!this.#flushing && this.#route.method.methodKind !== 'unary') {
      this.#flushing = true
      queueMicrotask(() => this.#flush())
    }
    return this.#takesMore()
  }

  sendFramed(messages: Uint8Array): boolean {
    if (this.#over) return false
    this.#flush()
    this.#write([messages])
    return this.#takesMore()
  }

  finish(error?: ReeveError): void {
    if (this.#over) return
    const kind = this.#route.method.methodKind
    const silent = !this.#answered && this.#queue.length === 0
    if (error === undefined && silent && (kind === 'unary' || kind === 'client_streaming')) {
      this.#crash(new Error('the handler ended a unary call without an answer'))
    } else this.#end(error)
  }

  pause(): void {
    if (this.#over) return
    this.#paused = true
    this.#stream.pause()
  }

  resume(): void {
    if (this.#over || !this.#paused) return
    this.#paused = false
    // Not from within the caller's own stack: it may not be ready for a message yet.
    queueMicrotask(() => {
      if (this.#over || this.#paused) return
      this.#deliver()
      if (!this.#paused) this.#stream.resume()
    })
  }

  cut(error: ReeveError): void {
    this.#abort(error)
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (!this.#paused && !this.#over) {
        const message = this.#reader.next()
        if (message === undefined) break
        if (!this.#single) this.#listener?.message(message)
        else if (this.#only === undefined) this.#only = message
        else this.#refuse(GrpcCode.UNIMPLEMENTED, 'this method takes one message, the caller sent more')
      }
      if (this.#reader.failure !== undefined) this.#refuseFrame()
      else if (this.#endPending && !this.#paused && !this.#over) this.#deliverEnd()
    } catch (error) {
      this.#crash(error)
    } finally {
      this.#delivering = false
    }
  }

  #deliverEnd(): void {
    this.#endPending = false
    if (!this.#reader.atBoundary) {
      this.#refuse(GrpcCode.INTERNAL, 'the request ended in the middle of a message')
    } else if (this.#single && this.#only === undefined) {
      this.#refuse(GrpcCode.UNIMPLEMENTED, 'this method takes one message, the caller sent none')
    } else if (this.#single) this.#listener?.message(this.#only!)
    if (!this.#over) this.#listener?.ended?.()
  }

  #refuseFrame(): void {
    const { failure, refusedBytes } = this.#reader
    if (this.#over) return
    if (failure === 'tooLarge') {
      const limit = this.#lane.maxMessageBytes
      const message = `a message of ${refusedBytes} bytes is larger than the limit of ${limit} bytes`
      this.#reportProtocol(message)
      this.#abort(new ReeveError('MESSAGE_TOO_LARGE', message, { facts: { limit: String(limit) } }))
    } else if (failure === 'compressed') {
      this.#refuse(GrpcCode.INTERNAL, 'a message is flagged as compressed, but the call names no grpc-encoding')
    } else this.#refuse(GrpcCode.INTERNAL, 'a message begins with unknown flags')
  }

  #refuse(grpc: GrpcCode, message: string): void {
    this.#reportProtocol(message)
    this.#abort(protocolError(grpc, message))
  }

  #reportProtocol(message: string): void {
    this.#lane.report({ kind: 'protocolError', from: this.caller.remote.host, message: `${this.path}: ${message}` })
  }

  #crash(error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#lane.report({ kind: 'handlerCrashed', message: `${this.path}: ${message}` })
    this.#abort(new ReeveError('INTERNAL', 'the handler of this call crashed'))
  }

  /** Ends the call against the handler's will. */
  #abort(error: ReeveError): void {
    if (this.#over) return
    this.#end(error)
    this.#cancelled()
  }

  #cancelled(): void {
    try {
      this.#listener?.cancelled?.()
    } catch (error) {
      this.#crash(error)
    }
  }

  #startDeadline(timeout: string): boolean {
    const timeoutMs = parseGrpcTimeout(timeout)
    if (timeoutMs === undefined) {
      this.#refuse(GrpcCode.INVALID_ARGUMENT, 'grpc-timeout is malformed')
      return false
    }
    this.#deadlineMs = this.#lane.clock.monotonicMs() + timeoutMs
    if (timeoutMs <= timerMaxMs) this.#deadlineTimer = this.#lane.clock.setTimeout(() => this.#expire(), timeoutMs)
    return true
  }

  #expire(): void {
    // Decided but not yet gone: the caller does not read its answer, and no longer waits for it.
    if (this.#over) this.#stream.close(constants.NGHTTP2_CANCEL)
    else this.#abort(new ReeveError('DEADLINE_EXCEEDED', 'the deadline of the call has passed'))
  }

  // --- out -----------------------------------------------------------------------------------------------------------

  #takesMore(): boolean {
    if (this.#queueBytes + this.#stream.writableLength < sendQueueMaxBytes) return true
    this.#wantsDrain = true
    return false
  }

  #flush(): void {
    this.#flushing = false
    if (this.#queue.length > 0 && !this.#over) this.#write(this.#takeQueue())
  }

  #takeQueue(): Uint8Array[] {
    const chunks = frameMessages(this.#queue)
    this.#queue = []
    this.#queueBytes = 0
    return chunks
  }

  /** `last`: nothing follows. The end in one write with what is before it costs half of two. */
  #write(chunks: readonly Uint8Array[], last = false): void {
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return
    this.#answer()
    writeChunks(stream, chunks, last ? undefined : () => this.#written())
  }

  #answer(): void {
    if (this.#answered) return
    this.#answered = true
    this.#stream.respond(responseHeaders, withTrailers)
  }

  #written(): void {
    if (!this.#wantsDrain || this.#over) return
    // Half: the other half is on its way while the handler brings more.
    if (this.#queueBytes + this.#stream.writableLength > sendQueueMaxBytes / 2) return
    this.#wantsDrain = false
    try {
      this.#listener?.drained?.()
    } catch (error) {
      this.#crash(error)
    }
  }

  #end(error: ReeveError | undefined): void {
    this.#over = true
    this.#status = error
    this.#tellEnd(error ? error.grpc : GrpcCode.OK)
    this.#only = undefined
    const stream = this.#stream
    const chunks = this.#takeQueue()
    if (stream.destroyed || stream.closed) return
    if (error !== undefined && !this.#answered && chunks.length === 0) {
      this.#answered = true
      stream.respond({ ...responseHeaders, ...trailersOf(error) }, { endStream: true })
    } else this.#write(chunks, true)
    if (stream.readableEnded) return
    // What the caller still sends is read and dropped, so that its end can be seen. A reset would overtake answers that
    // wait for the caller's window, and one at once the trailers.
    stream.resume()
    if (stream.writableFinished) this.#linger()
    else stream.once('finish', () => this.#linger())
  }

  #tellEnd(status: GrpcCode): void {
    this.#lane.calls.delete(this)
    this.#route.ended?.(status, this.#lane.clock.monotonicMs() - this.beganMs)
  }

  #linger(): void {
    const stream = this.#stream
    if (stream.readableEnded || stream.destroyed) return
    this.#lingerTimer = this.#lane.clock.setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs)
  }

  #sendTrailers(): void {
    if (!this.#stream.destroyed) this.#stream.sendTrailers({ ...trailersOf(this.#status) })
  }

  #closed(): void {
    this.#lane.clock.clearTimeout(this.#deadlineTimer)
    this.#lane.clock.clearTimeout(this.#lingerTimer)
    if (this.#over) return
    this.#over = true
    this.#tellEnd(GrpcCode.CANCELLED)
    this.#queue = []
    this.#cancelled()
  }
}
