/**
 * One connection to the port of an agent: bytes in, replies and records out. Owns the rules of a session (handshake,
 * authentication, one command after the other) and its limits; what a command does is said in `commands.ts`. Knows
 * neither sockets nor time.
 */

import { toReeveError } from '../errors.ts'
import { textToBytes } from '../gossip/text.ts'
import type { RpcAgent } from './agent.ts'
import { type Command, commands, type Reply } from './commands.ts'
import { Incoming } from './incoming.ts'
import { Outlet } from './outlet.ts'
import { Subscriptions } from './subscriptions.ts'
import { authRequest, encodeReply, handshakeRequest, ipcVersion, requestHeader } from './wire.ts'

/** Of a command with its body, and of the commands that wait behind one that takes its time. */
const maxIncomingBytes = 256 * 1024

export interface SessionOptions {
  readonly agent: RpcAgent
  /** Without it everybody may do everything. */
  readonly authKey?: string
  /** As that of a `ByteStream`. */
  readonly write: (bytes: Uint8Array) => boolean
  /** Ends the connection after what was written. `problem`: when the other side is to blame. */
  readonly end: (problem?: string) => void
}

type Request = { readonly command: string; readonly seq: bigint }

export class Session {
  readonly #options: SessionOptions
  readonly #incoming = new Incoming(maxIncomingBytes)
  readonly #outlet: Outlet
  readonly #subscriptions: Subscriptions
  /** A header whose body is not here yet. */
  #request: Request | undefined
  #handshaken = false
  #authenticated: boolean
  /** A command is under way. */
  #busy = false
  #ended = false

  constructor(options: SessionOptions) {
    this.#options = options
    this.#authenticated = options.authKey === undefined
    this.#outlet = new Outlet(options.write)
    this.#subscriptions = new Subscriptions(this.#outlet, options.agent)
  }

  /** May do something; until then it has little time. */
  get isAdmitted(): boolean {
    return this.#handshaken && this.#authenticated
  }

  /** Records that the other side was too slow for. */
  get lost(): number {
    return this.#outlet.lost
  }

  receive(bytes: Uint8Array): void {
    if (this.#ended) return
    if (this.#incoming.push(bytes)) this.#proceed()
    else this.#end('too much at once')
  }

  /** Room again for what `write` refused. */
  drained(): void {
    if (this.#ended) return
    this.#outlet.drained()
    this.#proceed()
  }

  /** The connection is gone. */
  close(): void {
    this.#ended = true
    this.#subscriptions.close()
  }

  #end(problem?: string): void {
    if (this.#ended) return
    this.close()
    this.#options.end(problem)
  }

  /** Takes commands for as long as none is under way and the other side reads what it is answered. */
  #proceed(): void {
    while (!this.#ended && !this.#busy && !this.#outlet.congested) {
      if (!this.#request) {
        const header = this.#incoming.take(requestHeader)
        if (!header) return
        if (header.ok) this.#request = header.value
        else this.#end(`header: ${header.problem}`)
      }
      if (this.#request && !this.#perform(this.#request)) return
    }
  }

  /** False: its body is not here yet. */
  #perform(request: Request): boolean {
    const { command: name, seq } = request
    if (name === 'handshake' || name === 'auth') return this.#admit(name, seq)
    if (!this.#handshaken) return this.#refuse(seq, 'Handshake required')
    const command = commands.get(name)
    // Where its body ends, if it has one, nobody knows.
    if (!command) return this.#refuse(seq, 'Unsupported command')
    const body = command.body ? this.#incoming.take(command.body) : { ok: true as const, value: undefined }
    if (!body) return false
    this.#request = undefined
    if (!body.ok) this.#end(`${name}: ${body.problem}`)
    else if (!this.#authenticated) this.#reply(seq, { error: 'Authentication required' })
    else this.#start(command, body.value, seq)
    return true
  }

  #admit(name: 'handshake' | 'auth', seq: bigint): boolean {
    const isHandshake = name === 'handshake'
    if (!isHandshake && !this.#handshaken) return this.#refuse(seq, 'Handshake required')
    const body = isHandshake ? this.#incoming.take(handshakeRequest) : this.#incoming.take(authRequest)
    if (!body) return false
    this.#request = undefined
    if (!body.ok) this.#end(`${name}: ${body.problem}`)
    else
      this.#reply(seq, {
        error: 'version' in body.value ? this.#greet(body.value.version) : this.#check(body.value.authKey),
      })
    return true
  }

  #greet(version: number): string {
    if (version !== ipcVersion) return 'Unsupported IPC version'
    if (this.#handshaken) return 'Handshake already performed'
    this.#handshaken = true
    return ''
  }

  #check(key: string): string {
    if (!isSame(textToBytes(key), textToBytes(this.#options.authKey ?? ''))) return 'Invalid authentication token'
    this.#authenticated = true
    return ''
  }

  #start(command: Command, body: unknown, seq: bigint): void {
    this.#busy = true
    const { agent } = this.#options
    const call = { agent, seq, subscriptions: this.#subscriptions }
    const reply = async () => command.perform(body, call)
    reply()
      .catch((error: unknown): Reply => {
        const failed = command.failed?.()
        return { error: toReeveError(error).message, ...(failed && { body: failed }) }
      })
      .then((done) => {
        this.#busy = false
        if (this.#ended) return
        this.#reply(seq, done)
        this.#proceed()
      })
      .catch((error: unknown) => this.#end(`crashed: ${toReeveError(error).message}`))
  }

  #refuse(seq: bigint, error: string): boolean {
    this.#reply(seq, { error })
    this.#end(error)
    return true
  }

  #reply(seq: bigint, { error = '', body, after }: Reply): void {
    this.#outlet.send(encodeReply(seq, error, body))
    after?.()
  }
}

/** Takes as long for a wrong key as for the right one; its time depends on the length of what was given alone. */
function isSame(given: Uint8Array, key: Uint8Array): boolean {
  let difference = given.length ^ key.length
  for (let i = 0; i < given.length; i += 1) difference |= given[i]! ^ (key[i % (key.length || 1)] ?? 0)
  return difference === 0
}
