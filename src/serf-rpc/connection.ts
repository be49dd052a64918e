/**
 * A client's connection to the port of an agent: numbers the commands, finds the caller of each reply and the listener
 * of each record, and ends them all when the connection ends.
 */

import type { ByteStream, Clock, NetworkError, Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { Type } from '../gossip/msgpack-struct.ts'
import { Incoming } from './incoming.ts'
import { encodeRequest, replyHeader } from './wire.ts'

/** A reply with all members of a cluster of tens of thousands. */
const maxIncomingBytes = 16 * 1024 * 1024

export interface Answer<T> {
  /** Empty: it was done. */
  readonly error: string
  readonly seq: bigint
  /** Undefined where the command has none, or was refused as such. */
  readonly body: T | undefined
}

/** What comes after a reply. */
export interface Records<R> {
  readonly type: Type<R>
  readonly heard: (record: R) => void
  readonly isLast?: (record: R) => boolean
  /** The connection ended: no more will come. */
  readonly gone: (error: ReeveError) => void
}

/** Waits for one reply, or takes one record after the other. */
interface Listener {
  readonly type: Type<unknown> | undefined
  heard(error: string, body: unknown): void
  gone(error: ReeveError): void
}

export class Connection {
  readonly #stream: ByteStream
  readonly #clock: Clock
  readonly #listeners = new Map<bigint, Listener>()
  readonly #incoming = new Incoming(maxIncomingBytes)
  readonly #where: string
  #lastSeq = 0n
  #header: typeof replyHeader.zero | undefined
  #gone: ReeveError | undefined
  readonly #onGone: (error: ReeveError) => void

  /** `onGone` is told once, when the connection ended, by whichever side. */
  constructor(stream: ByteStream, clock: Clock, onGone: (error: ReeveError) => void = () => undefined) {
    this.#stream = stream
    this.#clock = clock
    this.#onGone = onGone
    this.#where = `${stream.remote.host}:${stream.remote.port}`
    stream.receive({
      data: (bytes) => this.#receive(bytes),
      ended: () => this.#end(`the agent at ${this.#where} closed the connection`),
      closed: (error: NetworkError | undefined) =>
        this.#end(`the connection to the agent at ${this.#where} broke${error ? `: ${error.message}` : ''}`),
    })
  }

  /**
   * Resolves with what was answered. Rejects with `UNAVAILABLE`, or with `DEADLINE_EXCEEDED`, which ends the connection.
   * `records`: what follows a reply without an error.
   */
  call<T, R>(
    command: string,
    body: Uint8Array | undefined,
    type: Type<T> | undefined,
    timeoutMs: number,
    records?: Records<R>,
  ): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      if (this.#gone) throw this.#gone
      this.#lastSeq += 1n
      const seq = this.#lastSeq
      const timer: Timer = this.#clock.setTimeout(() => {
        const late = `the agent at ${this.#where} did not answer ${command} in ${timeoutMs} ms`
        this.#end(late, 'DEADLINE_EXCEEDED')
      }, timeoutMs)
      this.#listeners.set(seq, {
        type,
        heard: (error, value) => {
          this.#clock.clearTimeout(timer)
          if (error === '' && records) this.#follow(seq, records)
          else this.#listeners.delete(seq)
          resolve({ error, seq, body: value as T | undefined })
        },
        gone: (error) => {
          this.#clock.clearTimeout(timer)
          reject(error)
        },
      })
      this.#stream.write(encodeRequest(command, seq, body))
    })
  }

  #follow<R>(seq: bigint, { type, heard, isLast, gone }: Records<R>): void {
    this.#listeners.set(seq, {
      type,
      heard: (error, record) => {
        if (record === undefined) {
          this.#listeners.delete(seq)
          gone(new ReeveError('UNAVAILABLE', `the agent at ${this.#where} refuses to go on: ${error}`))
          return
        }
        if (isLast?.(record as R)) this.#listeners.delete(seq)
        heard(record as R)
      },
      gone,
    })
  }

  /** Records of this subscription are passed over from now on. */
  forget(seq: bigint): void {
    const listener = this.#listeners.get(seq)
    if (listener) this.#listeners.set(seq, { ...listener, heard: () => undefined, gone: () => undefined })
  }

  close(): void {
    this.#end('the connection was closed')
  }

  #receive(bytes: Uint8Array): void {
    if (this.#gone) return
    if (!this.#incoming.push(bytes)) this.#end(`the agent at ${this.#where} sent too much at once`)
    let taken = true
    while (taken && !this.#gone) taken = this.#takeOne()
  }

  /** False: what is needed is not here yet. */
  #takeOne(): boolean {
    if (!this.#header) {
      const header = this.#incoming.take(replyHeader)
      if (!header) return false
      if (!header.ok) return this.#spoilt(header.problem)
      this.#header = header.value
    }
    const { error, seq } = this.#header
    const listener = this.#listeners.get(seq)
    if (!listener) return this.#spoilt(`an answer to nothing, ${seq}`)
    // A command that was refused as such has no body; every other one has, whatever became of it.
    const hasBody = listener.type !== undefined && !refusals.has(error)
    const body = hasBody ? this.#incoming.take(listener.type!) : { ok: true as const, value: undefined }
    if (!body) return false
    this.#header = undefined
    if (!body.ok) return this.#spoilt(body.problem)
    listener.heard(error, body.value)
    return true
  }

  #spoilt(problem: string): false {
    this.#end(`what came from ${this.#where} is not Serf's RPC protocol: ${problem}`)
    return false
  }

  #end(message: string, code: 'UNAVAILABLE' | 'DEADLINE_EXCEEDED' = 'UNAVAILABLE'): void {
    if (this.#gone) return
    this.#gone = new ReeveError(code, message)
    this.#stream.destroy()
    const listeners = [...this.#listeners.values()]
    this.#listeners.clear()
    for (const listener of listeners) listener.gone(this.#gone)
    this.#onGone(this.#gone)
  }
}

const refusals = new Set(['Handshake required', 'Authentication required', 'Unsupported command'])
