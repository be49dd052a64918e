/** Byte streams between processes over `Connection`: in order, late, held by partitions, reset by crashes. */

import {
  type Address,
  type ByteStream,
  type ByteStreamListener,
  NetworkError,
  type StreamListener,
  type Streams,
} from '../env/env.ts'
import { connect } from './connecting.ts'
import type { ConnectionEnd } from './connection.ts'
import { isLoopback, type Machine, type Network, portFor } from './network.ts'
import type { Process } from './process.ts'

/** What a name server in the same rack takes. */
const resolveUs = 1_000

export class SimulatedStreams implements Streams {
  readonly #network: Network
  readonly #machine: Machine
  readonly #process: Process

  constructor(network: Network, machine: Machine, process: Process) {
    this.#network = network
    this.#machine = machine
    this.#process = process
  }

  listen(at: Address, accept: (stream: ByteStream) => void): Promise<StreamListener> {
    const machine = this.#machine
    const process = this.#process
    return process.later('socket', 0, () => {
      const port = portFor(machine, at, machine.connectionPorts)
      const accepted = new Set<StreamEnd>()
      let open = true
      const unbind = (): void => {
        machine.connectionPorts.delete(port)
      }
      const release = process.hold('listeners', `${at.host}:${port}`, unbind)
      machine.connectionPorts.set(port, {
        host: at.host,
        process,
        protocol: 'stream',
        accept: (end) => {
          const stream = new StreamEnd(end, () => accepted.delete(stream))
          accepted.add(stream)
          // In an event of the listening process, so that a throw is its own.
          process.schedule('socket', 0, () => open && accept(stream))
        },
      })
      return {
        address: { host: at.host, port },
        close: () => {
          if (!open || !process.alive) return
          open = false
          release()
          unbind()
          for (const stream of [...accepted]) stream.destroy()
        },
      }
    })
  }

  connect(to: Address, timeoutMs: number, signal?: AbortSignal): Promise<ByteStream> {
    const network = this.#network
    const process = this.#process
    return new Promise((resolve, reject) => {
      if (!process.alive) return
      const release = process.hold('streams', `connecting to ${to.host}:${to.port}`)
      const options = {
        network,
        machine: this.#machine,
        process,
        to,
        protocol: 'stream' as const,
        timeoutMs,
        breakMs: network.settings.streamBreakMs,
        keepalive: false,
      }
      const settle = (): void => {
        release()
        signal?.removeEventListener('abort', abort)
      }
      const giveUp = connect(options, {
        opened: (end) => {
          settle()
          resolve(new StreamEnd(end, () => {}))
        },
        failed: (error) => {
          settle()
          reject(error)
        },
      })
      const abort = (): void => {
        settle()
        giveUp()
        reject(new NetworkError('ECONNABORTED', `connecting to ${to.host}:${to.port} was given up`))
      }
      if (signal?.aborted) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  resolve(host: string): Promise<string[]> {
    return this.#process.later('socket', resolveUs, () => {
      if (isLoopback(host)) return ['127.0.0.1']
      const machine = this.#network.find(host, this.#machine)
      if (machine !== undefined) return [machine.ip]
      if (/^[\d.]+$|:/.test(host)) return [host]
      throw new NetworkError('ENOTFOUND', `no address of ${host}`)
    })
  }

  ownAddresses(): string[] {
    return [this.#machine.ip]
  }
}

class StreamEnd implements ByteStream {
  readonly remote: Address
  readonly #end: ConnectionEnd
  readonly #process: Process
  readonly #over: () => void
  readonly #release: () => void
  #listener: ByteStreamListener | undefined
  /** What came before anybody listened, in order. */
  #early: ((listener: ByteStreamListener) => void)[] = []
  #endSent = false
  #endReceived = false
  #finished = false

  constructor(end: ConnectionEnd, over: () => void) {
    this.#end = end
    this.#process = end.process
    this.remote = end.remote
    this.#over = over
    this.#release = end.process.hold('streams', `${end.local.port} to ${end.remote.host}:${end.remote.port}`)
    end.listener = {
      received: (segment) => {
        if (segment.kind === 'bytes') this.#tell((listener) => listener.data(segment.bytes))
        else this.#ended()
      },
      broken: (error) => this.#finish(error),
    }
  }

  receive(listener: ByteStreamListener): void {
    if (this.#listener !== undefined) throw new Error('a stream has one listener')
    this.#listener = listener
    if (this.#early.length > 0) this.#process.schedule('socket', 0, () => this.#tellEarly())
  }

  /** The simulated network takes everything at once. */
  write(bytes: Uint8Array): boolean {
    if (!this.#endSent && bytes.length > 0) this.#end.send({ kind: 'bytes', bytes: bytes.slice() })
    return true
  }

  end(): void {
    if (this.#endSent || this.#end.closed) return
    this.#endSent = true
    this.#end.send({ kind: 'end' })
    if (this.#endReceived) this.#process.schedule('socket', 0, () => this.#finish(undefined))
  }

  /** As closing a socket does: the other side reads an end and, should it go on writing, meets a reset. */
  destroy(): void {
    if (this.#end.closed) return
    if (!this.#endSent) this.#end.send({ kind: 'end' })
    this.#end.close()
    this.#release()
    this.#early = []
    this.#process.schedule('socket', 0, () => this.#finish(undefined))
  }

  #ended(): void {
    if (this.#endReceived) return
    this.#endReceived = true
    this.#tell((listener) => listener.ended())
    if (this.#endSent) this.#finish(undefined)
  }

  /** Once: the end, the listeners and the register of what is open let go of this stream. */
  #finish(error: NetworkError | undefined): void {
    if (this.#finished) return
    this.#finished = true
    this.#end.close()
    this.#release()
    this.#over()
    this.#tell((listener) => listener.closed(error))
  }

  #tell(fact: (listener: ByteStreamListener) => void): void {
    if (this.#listener === undefined || this.#early.length > 0) this.#early.push(fact)
    else fact(this.#listener)
  }

  #tellEarly(): void {
    const listener = this.#listener!
    for (let fact = this.#early.shift(); fact !== undefined; fact = this.#early.shift()) fact(listener)
  }
}
