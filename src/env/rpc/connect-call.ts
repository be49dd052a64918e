/**
 * One call that came through the Connect library (Connect, gRPC-Web, gRPC on methods that are not hot), as the same
 * `ServerCall` that the fast lane gives.
 *
 * Owns the way between decoded messages in async iterables and bytes with back-pressure. Messages are decoded and
 * encoded again here, with their unknown fields.
 */

import { type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf'
import { Code, ConnectError, type HandlerContext } from '@connectrpc/connect'
import { GrpcCode, ReeveError } from '../../errors.ts'
import { messagesIn } from '../../framed.ts'
import { ErrorInfoSchema } from '../../gen/google/rpc/status_pb.ts'
import type { Caller, CallListener, RpcRoute, ServerCall } from '../env.ts'
import { errorInfoOf } from './grpc-status.ts'
import { type Lane, type RunningCall, sendQueueMaxBytes } from './lane.ts'
import { metadataFromRaw } from './metadata.ts'

/** What the library does not hand on of a request. */
export interface Origin {
  readonly caller: Caller
  readonly rawHeaders: readonly string[]
}

export class ConnectCall implements ServerCall, RunningCall {
  readonly path: string
  readonly caller: Caller
  readonly beganMs: number
  readonly metadata: ReadonlyMap<string, string>
  readonly #lane: Lane
  readonly #route: RpcRoute
  readonly #context: HandlerContext
  #listener: CallListener | undefined
  /** A status was decided: the listener hears nothing any more. */
  #over = false
  #error: unknown

  readonly #queue: Uint8Array[] = []
  #queueBytes = 0
  #wantsDrain = false
  #answers = 0
  /** Wakes who waits for an answer, or for the end of a pause. */
  #wakeAnswers: (() => void) | undefined
  #wakeRequests: (() => void) | undefined
  #paused = false

  constructor(lane: Lane, route: RpcRoute, context: HandlerContext, origin: Origin) {
    this.#lane = lane
    this.#route = route
    this.#context = context
    this.beganMs = lane.clock.monotonicMs()
    this.path = `/${route.method.parent.typeName}/${route.method.name}`
    this.caller = origin.caller
    this.metadata = metadataFromRaw(origin.rawHeaders)
  }

  /** Runs the call; what it yields goes to the caller. Throws its status as a `ConnectError`. */
  async *run(requests: AsyncIterable<Message>): AsyncGenerator<Message> {
    this.#lane.calls.add(this)
    const { signal } = this.#context
    const aborted = () => this.#abort(signal.reason)
    try {
      if (signal.aborted) aborted()
      else {
        signal.addEventListener('abort', aborted, { once: true })
        this.#start(requests)
      }
      yield* this.#answer()
    } finally {
      signal.removeEventListener('abort', aborted)
      this.#abort(new ReeveError('CANCELLED', 'the caller went away'))
    }
  }

  remainingMs(): number | undefined {
    return this.#context.timeoutMs()
  }

  send(message: Uint8Array): boolean {
    if (this.#over) return false
    this.#queue.push(message)
    this.#queueBytes += message.length
    this.#answers++
    this.#wakeAnswers?.()
    if (this.#queueBytes < sendQueueMaxBytes) return true
    this.#wantsDrain = true
    return false
  }

  sendFramed(messages: Uint8Array): boolean {
    let more = !this.#over
    for (const message of messagesIn(messages)) more = this.send(message)
    return more
  }

  finish(error?: ReeveError): void {
    if (this.#over) return
    const kind = this.#route.method.methodKind
    if (error === undefined && this.#answers === 0 && (kind === 'unary' || kind === 'client_streaming')) {
      this.#crash(new Error('the handler ended a unary call without an answer'))
    } else this.#end(error)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#wakeRequests?.()
  }

  cut(error: ReeveError): void {
    this.#abort(error)
  }

  #start(requests: AsyncIterable<Message>): void {
    try {
      this.#listener = this.#route.handle(this)
    } catch (error) {
      this.#crash(error)
      return
    }
    void this.#listen(requests)
  }

  async #listen(requests: AsyncIterable<Message>): Promise<void> {
    try {
      for await (const request of requests) {
        if (this.#paused) await this.#unpaused()
        if (this.#over) return
        this.#tell((listener) => listener.message(toBinary(this.#route.method.input as DescMessage, request)))
        if (this.#over) return
      }
      if (this.#paused) await this.#unpaused()
      if (!this.#over) this.#tell((listener) => listener.ended?.())
    } catch (error) {
      // The request could not be read: malformed, too large, or gone.
      this.#abort(error)
    }
  }

  async #unpaused(): Promise<void> {
    while (this.#paused && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wakeRequests = resolve
      })
    }
  }

  async *#answer(): AsyncGenerator<Message> {
    for (;;) {
      for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) {
        this.#queueBytes -= bytes.length
        const message = this.#decode(bytes)
        if (message === undefined) break
        yield message
        if (this.#wantsDrain && !this.#over && this.#queueBytes <= sendQueueMaxBytes / 2) {
          this.#wantsDrain = false
          this.#tell((listener) => listener.drained?.())
        }
      }
      if (this.#over) break
      await new Promise<void>((resolve) => {
        this.#wakeAnswers = resolve
      })
    }
    if (this.#error !== undefined) throw connectErrorOf(this.#error)
  }

  #decode(bytes: Uint8Array): Message | undefined {
    try {
      return fromBinary(this.#route.method.output as DescMessage, bytes)
    } catch (error) {
      this.#crash(error)
      return undefined
    }
  }

  #tell(what: (listener: CallListener) => void): void {
    try {
      if (this.#listener !== undefined) what(this.#listener)
    } catch (error) {
      this.#crash(error)
    }
  }

  #crash(error: unknown): void {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#lane.report({ kind: 'handlerCrashed', message: `${this.path}: ${message}` })
    this.#abort(new ReeveError('INTERNAL', 'the handler of this call crashed'))
  }

  /** Ends the call against the handler's will. */
  #abort(error: unknown): void {
    if (this.#over) return
    this.#end(error)
    this.#tell((listener) => listener.cancelled?.())
  }

  #end(error: unknown): void {
    this.#over = true
    this.#error = error
    this.#lane.calls.delete(this)
    this.#route.ended?.(statusOf(error), this.#lane.clock.monotonicMs() - this.beganMs)
    this.#wakeAnswers?.()
    this.#wakeRequests?.()
  }
}

function statusOf(error: unknown): GrpcCode {
  if (error === undefined) return GrpcCode.OK
  return error instanceof ReeveError ? error.grpc : (connectErrorOf(error).code as number as GrpcCode)
}

/** Our error with its details; the library's own as they are. Connect's codes are gRPC's. */
export function connectErrorOf(error: unknown): ConnectError {
  if (error instanceof ConnectError) {
    if (error.code !== Code.DeadlineExceeded || error.details.length > 0) return error
    return connectErrorOf(new ReeveError('DEADLINE_EXCEEDED', 'the deadline of the call has passed'))
  }
  if (!(error instanceof ReeveError)) return ConnectError.from(error, Code.Canceled)
  return new ConnectError(
    error.message,
    error.grpc as number as Code,
    undefined,
    [{ desc: ErrorInfoSchema, value: errorInfoOf(error) }],
    error,
  )
}
