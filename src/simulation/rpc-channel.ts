/**
 * The calling side. Each call knocks by itself, so a channel has no state that could go stale; order between the calls
 * of one channel is not kept, which gRPC does not promise either.
 */

import type { ClientCall, ClientCallListener, RpcCallOptions, RpcChannel, RpcDialOptions } from '../env/env.ts'
import { type ErrorCode, ReeveError } from '../errors.ts'
import { CallFlow } from './call-flow.ts'
import { hasExpired, readCertificate, type SimulatedCertificate } from './certificates.ts'
import { connect } from './connecting.ts'
import type { ConnectionEnd } from './connection.ts'
import type { SimulatedEvent } from './event-heap.ts'
import type { CallContext } from './rpc.ts'

export class SimulatedChannel implements RpcChannel {
  readonly #context: CallContext
  readonly #options: RpcDialOptions
  readonly #calls = new Set<OutgoingCall>()
  readonly #release: () => void
  #open = true

  constructor(context: CallContext, options: RpcDialOptions) {
    this.#context = context
    this.#options = options
    this.#release = context.process.hold('channels', `to ${options.to.host}:${options.to.port}`)
  }

  call(path: string, options: RpcCallOptions, listener: ClientCallListener): ClientCall {
    const call = new OutgoingCall(this.#context, this.#options, { path, ...options }, listener, () =>
      this.#calls.delete(call),
    )
    this.#calls.add(call)
    if (this.#open) call.start()
    else call.fail('CANCELLED', 'the channel is closed')
    return call
  }

  /** Calls under way end with `CANCELLED`. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#release()
    for (const call of [...this.#calls]) call.fail('CANCELLED', 'the channel was closed')
  }
}

class OutgoingCall implements ClientCall {
  readonly #context: CallContext
  readonly #dial: RpcDialOptions
  readonly #options: RpcCallOptions & { readonly path: string }
  readonly #listener: ClientCallListener
  readonly #flow: CallFlow
  readonly #release: () => void
  readonly #over: () => void
  #deadline: SimulatedEvent | undefined
  #giveUp: (() => void) | undefined
  #end: ConnectionEnd | undefined
  #closed = false

  constructor(
    context: CallContext,
    dial: RpcDialOptions,
    options: RpcCallOptions & { readonly path: string },
    listener: ClientCallListener,
    over: () => void,
  ) {
    this.#context = context
    this.#dial = dial
    this.#options = options
    this.#listener = listener
    this.#over = over
    this.#release = context.process.hold('calls', `${options.path} to ${dial.to.host}:${dial.to.port}`)
    this.#flow = new CallFlow(context.network.settings.callWindowBytes, {
      message: (bytes) => this.#message(bytes),
      last: (segment) => this.#close(segment.kind === 'status' ? segment.error : undefined),
      drained: () => listener.drained?.(),
    })
  }

  start(): void {
    const { network, machine, process } = this.#context
    const { timeoutMs } = this.#options
    if (timeoutMs !== undefined) {
      const passed = (): void => this.fail('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`)
      this.#deadline = process.schedule('deadline', timeoutMs * 1000, passed)
    }
    const { callConnectMs, callBreakMs } = network.settings
    const to = this.#dial.to
    this.#giveUp = connect(
      {
        network,
        machine,
        process,
        to,
        protocol: 'call',
        timeoutMs: callConnectMs,
        breakMs: callBreakMs,
        keepalive: true,
      },
      {
        opened: (end, shown) => this.#opened(end, shown),
        failed: (error) => this.fail('UNAVAILABLE', error.message),
      },
    )
  }

  send(message: Uint8Array): boolean {
    return !this.#closed && this.#flow.send(message)
  }

  end(): void {
    if (!this.#closed) this.#flow.sendLast({ kind: 'end' })
  }

  cancel(): void {
    this.fail('CANCELLED', 'the caller cancelled')
  }

  pause(): void {
    this.#flow.pause()
  }

  resume(): void {
    this.#flow.resume()
  }

  /** Ends the call here and now; `closed` is told in an event of its own, never inside the caller's call. */
  fail(code: ErrorCode, message: string): void {
    if (this.#closed) return
    this.#settle()
    this.#end?.reset()
    const error = new ReeveError(code, message)
    this.#context.process.schedule('call', 0, () => this.#listener.closed(error))
  }

  #opened(end: ConnectionEnd, shown: SimulatedCertificate | undefined): void {
    const { network, certificate } = this.#context
    const { tls, serverName } = this.#dial
    this.#end = end
    const wrong = tls && shown && this.#distrust(shown, serverName)
    if (wrong) {
      this.fail('UNAVAILABLE', `the certificate of ${end.remote.host}:${end.remote.port} ${wrong}`)
      return
    }
    end.listener = {
      broken: (error) => this.fail('UNAVAILABLE', error.message),
      received: (segment) => {
        if (segment.kind === 'credit') this.#flow.credit(segment.bytes)
        else if (segment.kind === 'bytes') this.#flow.received(segment)
        else if (segment.kind === 'status') {
          // Nothing comes after it; what a paused listener has not read yet must not be lost to a reset.
          end.close()
          this.#flow.received(segment)
        }
      },
    }
    const remainingUs = this.#deadline === undefined ? undefined : this.#deadline.atUs - network.timeline.nowUs
    end.send({
      kind: 'headers',
      path: this.#options.path,
      metadata: new Map([...(this.#options.metadata ?? [])].map(([key, value]) => [key.toLowerCase(), value])),
      timeoutMs: remainingUs === undefined ? undefined : remainingUs / 1000,
      secure: tls !== undefined,
      certificate: tls?.cert && (readCertificate(tls.cert) ?? certificate),
    })
    this.#flow.attach(end)
  }

  #distrust(shown: SimulatedCertificate, serverName: string | undefined): string | undefined {
    if (hasExpired(shown, this.#context.wallMs())) return 'has expired'
    return serverName === undefined || shown.dnsNames.includes(serverName) ? undefined : `is not of ${serverName}`
  }

  #message(bytes: Uint8Array): void {
    const { maxMessageBytes } = this.#dial
    if (maxMessageBytes === undefined || bytes.length <= maxMessageBytes) this.#listener.message(bytes)
    else this.fail('MESSAGE_TOO_LARGE', `a message of ${bytes.length} bytes; at most ${maxMessageBytes}`)
  }

  /** The server's status. */
  #close(error: ReeveError | undefined): void {
    if (this.#closed) return
    this.#settle()
    this.#listener.closed(error)
  }

  #settle(): void {
    this.#closed = true
    this.#flow.stop()
    this.#giveUp?.()
    this.#context.process.timeline.cancel(this.#deadline)
    this.#release()
    this.#over()
  }
}
