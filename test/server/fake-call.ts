/** A call without a network: what a handler under test is called with, and what a scenario holds in its hands. */

import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { fromBinary } from '@bufbuild/protobuf'
import type { Caller, CallerCertificate, CallListener, RpcHandler, ServerCall } from '../../src/env/env.ts'
import type { ReeveError } from '../../src/errors.ts'
import { messagesIn } from '../../src/framed.ts'

export interface FakeCallOptions {
  readonly certificate?: CallerCertificate
  readonly remainingMs?: number
  /** Messages that the transport takes before it says wait; default: any number. */
  readonly window?: number
}

export class FakeCall implements ServerCall {
  readonly path = '/test/Call'
  readonly metadata = new Map<string, string>()
  readonly caller: Caller
  readonly sent: Uint8Array[] = []
  /** Resolves with what the call ended with; undefined: status OK. */
  readonly done: Promise<ReeveError | undefined>
  over = false
  paused = false
  /** How often the handler paused the caller. */
  pauses = 0
  readonly #options: FakeCallOptions
  readonly #inbox: Uint8Array[] = []
  readonly #waiting: { count: number; resolve: () => void }[] = []
  #window: number
  #halfClosed = false
  #finish!: (error: ReeveError | undefined) => void
  #listener: CallListener

  constructor(handle: RpcHandler, options: FakeCallOptions = {}) {
    this.#options = options
    this.#window = options.window ?? Number.POSITIVE_INFINITY
    const { certificate } = options
    this.caller = { remote: { host: '127.0.0.1', port: 1 }, ...(certificate ? { certificate } : {}) }
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#listener = handle(this)
  }

  // --- the caller's side

  say(...messages: Uint8Array[]): this {
    this.#inbox.push(...messages)
    this.#deliver()
    return this
  }

  end(): this {
    this.#halfClosed = true
    this.#deliver()
    return this
  }

  cancel(): void {
    if (this.over) return
    this.over = true
    this.#listener.cancelled?.()
  }

  /** The transport sent what it held and takes so many more. */
  drain(window = Number.POSITIVE_INFINITY): void {
    this.#window = window
    if (!this.over) this.#listener.drained?.()
  }

  /** Resolves once so many messages were sent in all. */
  async until(count: number): Promise<void> {
    if (this.sent.length >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  answers<T extends DescMessage>(schema: T): MessageShape<T>[] {
    return this.sent.map((bytes) => fromBinary(schema, bytes))
  }

  // --- the handler's side

  remainingMs(): number | undefined {
    return this.#options.remainingMs
  }

  send(message: Uint8Array): boolean {
    if (this.over) return false
    this.sent.push(message)
    for (const { count, resolve } of this.#waiting) if (this.sent.length >= count) resolve()
    return this.sent.length < this.#window
  }

  sendFramed(messages: Uint8Array): boolean {
    let more = !this.over
    for (const message of messagesIn(messages)) more = this.send(message)
    return more
  }

  finish(error?: ReeveError): void {
    if (this.over) return
    this.over = true
    this.#finish(error)
  }

  pause(): void {
    this.paused = true
    this.pauses++
  }

  resume(): void {
    this.paused = false
    // As the real one: never from within the handler's own stack.
    queueMicrotask(() => this.#deliver())
  }

  #deliver(): void {
    while (!this.paused && !this.over) {
      const message = this.#inbox.shift()
      if (!message) break
      this.#listener.message(message)
    }
    if (this.paused || this.over || !this.#halfClosed) return
    this.#halfClosed = false
    this.#listener.ended?.()
  }
}

/** Lets everything that waits for nothing but its turn happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
