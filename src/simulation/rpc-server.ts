/**
 * The serving side of calls: finds the route, holds the handler to the contract of `ServerCall`, ends calls by deadline,
 * cancellation, drain and close. Each call rides on a connection of its own.
 */

import type {
  Address,
  CallListener,
  OpenCall,
  RpcRoute,
  RpcServeOptions,
  RpcServer,
  ServerCall,
  TlsMaterial,
} from '../env/env.ts'
import { GrpcCode, ReeveError, toReeveError } from '../errors.ts'
import { messagesIn } from '../framed.ts'
import { CallFlow } from './call-flow.ts'
import { hasExpired, readCertificate } from './certificates.ts'
import type { ConnectionEnd, Segment } from './connection.ts'
import type { SimulatedEvent } from './event-heap.ts'
import { portFor } from './network.ts'
import type { CallContext } from './rpc.ts'

type Headers = Extract<Segment, { kind: 'headers' }>

export class SimulatedRpcServer implements RpcServer {
  readonly address: Address
  readonly httpAddress?: Address
  readonly #context: CallContext
  readonly #options: RpcServeOptions
  readonly #routes: ReadonlyMap<string, RpcRoute>
  readonly calls = new Set<IncomingCall>()
  #tls: TlsMaterial | undefined
  #closed = false
  readonly #unlisten: () => void
  #idle: (() => void) | undefined

  /** Throws `NetworkError` when the address is taken. */
  constructor(context: CallContext, options: RpcServeOptions) {
    const { machine, process } = context
    this.#context = context
    this.#options = options
    this.#tls = options.tls
    this.#routes = new Map(options.routes.map((route) => [pathOf(route), route]))
    const port = portFor(machine, options.at, machine.connectionPorts)
    this.address = { host: options.at.host, port }
    // Nobody speaks HTTP/1.1 in here; the address is only told.
    if (options.httpAt !== undefined) {
      this.httpAddress = { host: options.httpAt.host, port: options.httpAt.port || machine.ephemeralPort() }
    }
    const unbind = (): void => {
      machine.connectionPorts.delete(port)
    }
    const release = process.hold('listeners', `calls at ${options.at.host}:${port}`, unbind)
    machine.connectionPorts.set(port, {
      host: options.at.host,
      process,
      protocol: 'call',
      shows: () => readCertificate(this.#tls?.cert),
      accept: (end) => this.#accept(end),
    })
    this.#unlisten = () => {
      release()
      unbind()
    }
  }

  replaceTls(tls: TlsMaterial): void {
    this.#tls = tls
  }

  async drain(graceMs: number): Promise<void> {
    this.#unlisten()
    if (this.calls.size === 0) return
    const { process } = this.#context
    let graceOver: SimulatedEvent | undefined
    await new Promise<void>((resolve) => {
      this.#idle = resolve
      graceOver = process.schedule('deadline', graceMs * 1000, resolve)
    })
    process.timeline.cancel(graceOver)
    await this.close()
  }

  close(): Promise<void> {
    this.#closed = true
    this.#unlisten()
    for (const call of [...this.calls]) call.abort(GrpcCode.UNAVAILABLE)
    return this.#context.process.later('socket', 0, () => {})
  }

  #distrust({ secure, certificate }: Headers): string | undefined {
    if (secure !== (this.#tls !== undefined)) return 'one side speaks TLS, one not'
    if (this.#tls?.ca !== undefined && certificate === undefined) return 'no certificate was shown'
    return hasExpired(certificate, this.#context.wallMs()) ? 'the certificate has expired' : undefined
  }

  #accept(end: ConnectionEnd): void {
    const refuse = (error: ReeveError): void => {
      end.send({ kind: 'status', error })
      end.close()
    }
    end.listener = {
      broken: () => {},
      received: (segment) => {
        // Headers may be on their way when the server closes.
        if (this.#closed || segment.kind !== 'headers') return end.reset()
        const message = this.#distrust(segment)
        if (message !== undefined) {
          this.#options.report?.({ kind: 'tlsRejected', from: end.remote.host, message })
          return end.reset()
        }
        const route = this.#routes.get(segment.path)
        if (route === undefined) return refuse(new ReeveError('METHOD_UNKNOWN', `no method ${segment.path}`))
        const call = new IncomingCall(this.#context, this.#options, route, end, segment, () => {
          this.calls.delete(call)
          if (this.calls.size === 0) this.#idle?.()
        })
        this.calls.add(call)
        call.start()
      },
    }
  }
}

class IncomingCall implements ServerCall, OpenCall {
  readonly path: string
  readonly metadata: ReadonlyMap<string, string>
  readonly caller: ServerCall['caller']
  readonly beganMs: number
  readonly #context: CallContext
  readonly #options: RpcServeOptions
  readonly #route: RpcRoute
  readonly #end: ConnectionEnd
  readonly #flow: CallFlow
  readonly #deadlineUs: number | undefined
  readonly #deadline: SimulatedEvent | undefined
  readonly #over: () => void
  #listener: CallListener | undefined
  #finished = false

  constructor(
    context: CallContext,
    options: RpcServeOptions,
    route: RpcRoute,
    end: ConnectionEnd,
    headers: Headers,
    over: () => void,
  ) {
    const { process, network } = context
    this.#context = context
    this.#options = options
    this.#route = route
    this.beganMs = network.timeline.nowUs / 1000
    this.#end = end
    this.path = headers.path
    this.metadata = headers.metadata
    const { certificate } = headers
    this.caller = certificate === undefined ? { remote: end.remote } : { remote: end.remote, certificate }
    const { timeoutMs } = headers
    this.#deadlineUs = timeoutMs === undefined ? undefined : network.timeline.nowUs + timeoutMs * 1000
    this.#deadline =
      timeoutMs === undefined
        ? undefined
        : process.schedule('deadline', timeoutMs * 1000, () => this.abort(GrpcCode.DEADLINE_EXCEEDED))
    const release = process.hold('calls', `${headers.path} from ${end.remote.host}`)
    this.#over = () => {
      process.timeline.cancel(this.#deadline)
      release()
      over()
    }
    this.#flow = new CallFlow(network.settings.callWindowBytes, {
      message: (bytes) => this.#message(bytes),
      last: () => this.#tell(() => this.#listener?.ended?.()),
      drained: () => this.#tell(() => this.#listener?.drained?.()),
    })
    end.listener = {
      broken: () => this.abort(GrpcCode.CANCELLED),
      received: (segment) => {
        if (segment.kind === 'credit') {
          this.#flow.credit(segment.bytes)
          if (this.#finished) this.#closeWhenFlushed()
        } else if (segment.kind === 'bytes' || segment.kind === 'end') this.#flow.received(segment)
      },
    }
    this.#flow.attach(end)
  }

  start(): void {
    this.#tell(() => {
      this.#listener = this.#route.handle(this)
    })
  }

  remainingMs(): number | undefined {
    if (this.#deadlineUs === undefined) return undefined
    return Math.max(0, (this.#deadlineUs - this.#context.network.timeline.nowUs) / 1000)
  }

  send(message: Uint8Array): boolean {
    return !this.#finished && this.#flow.send(message)
  }

  sendFramed(messages: Uint8Array): boolean {
    let more = !this.#finished
    for (const message of messagesIn(messages)) more = this.send(message)
    return more
  }

  finish(error?: ReeveError): void {
    if (this.#finished) return
    this.#finished = true
    this.#tellEnd(error ? error.grpc : GrpcCode.OK)
    this.#flow.sendLast({ kind: 'status', error: error === undefined ? undefined : overTheWire(error) })
    this.#closeWhenFlushed()
  }

  pause(): void {
    this.#flow.pause()
  }

  resume(): void {
    this.#flow.resume()
  }

  /** The caller went away, its time is up, or this server closes. */
  abort(status: GrpcCode): void {
    const told = this.#finished
    this.#finished = true
    if (!told) this.#tellEnd(status)
    this.#flow.stop()
    this.#end.reset()
    this.#over()
    if (!told) this.#context.process.schedule('call', 0, () => this.#listener?.cancelled?.())
  }

  #tellEnd(status: GrpcCode): void {
    this.#route.ended?.(status, this.#context.network.timeline.nowUs / 1000 - this.beganMs)
  }

  #closeWhenFlushed(): void {
    if (!this.#flow.flushed || this.#end.closed) return
    this.#end.close()
    this.#over()
  }

  #message(bytes: Uint8Array): void {
    if (this.#finished) return
    const { maxMessageBytes } = this.#options
    if (bytes.length <= maxMessageBytes) this.#tell(() => this.#listener?.message(bytes))
    else
      this.finish(new ReeveError('MESSAGE_TOO_LARGE', `a message of ${bytes.length} bytes; at most ${maxMessageBytes}`))
  }

  /** A handler that throws ends its call, not the server. */
  #tell(fact: () => void): void {
    if (this.#finished) return
    try {
      fact()
    } catch (error) {
      this.#options.report?.({ kind: 'handlerCrashed', message: String(error) })
      this.finish(new ReeveError('INTERNAL', toReeveError(error).message))
    }
  }
}

function pathOf(route: RpcRoute): string {
  return `/${route.method.parent.typeName}/${route.method.name}`
}

/** What of an error reaches the other side: no cause, no stack. */
function overTheWire(error: ReeveError): ReeveError {
  return new ReeveError(error.code, error.message, { facts: error.facts })
}
