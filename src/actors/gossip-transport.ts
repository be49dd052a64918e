/**
 * The sockets of gossip: packets and streams on one port. Owns their limits: how many streams at once, from whom, how
 * many bytes, for how long. Never looks into a message beyond finding its end.
 */

import { formatAddress } from '../address.ts'
import type { Address, ByteStream, DatagramSocket, Env, StreamListener, Timer } from '../env/env.ts'
import { NetworkError } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { Reply } from '../gossip/core.ts'
import type { Problem } from '../gossip/effects.ts'
import type { Sealing } from '../gossip/sealing.ts'
import {
  createStreamReader,
  encodeStream,
  type StreamLimits,
  type StreamMessage,
  type StreamOutcome,
} from '../gossip/stream-codec.ts'

/** Far above the state of the largest cluster we keep, far below what would hurt. */
const limits: StreamLimits = { maxBytes: 16 << 20, maxUserBytes: 4 << 20, maxNodes: 65_536 }
/** memberlist refuses its 128th simultaneous exchange, too. */
const maxAccepted = 128
/** From one host, so that one cannot shut out the others. */
const maxAcceptedFromHost = 64
/** Received and not yet understood, of all streams together. */
const maxBufferedBytes = 64 << 20
const maxOpened = 128
/** Another process may have taken the UDP port of the TCP port that the system picked. */
const bindAttempts = 16

export interface GossipTransport {
  /** As bound. */
  readonly address: Address
  send(packet: Uint8Array, to: Address, failed: (error: NetworkError) => void): void
  /** Opens a stream, writes, reads one message. Rejects with a readable error. */
  request(bytes: Uint8Array, to: Address, timeoutMs: number): Promise<StreamAnswer>
  close(): void
}

/** `key`: of ours, that it was sealed with. */
export interface StreamAnswer {
  readonly value: StreamMessage
  readonly key?: Uint8Array
}

export interface GossipTransportOptions {
  readonly env: Pick<Env, 'clock' | 'datagrams' | 'streams'>
  readonly bind: Address
  readonly streamTimeoutMs: number
  /** Opens what comes on streams; what goes out is sealed by who gives it to us. */
  readonly sealing: Sealing
  readonly packet: (bytes: Uint8Array, from: Address) => void
  readonly stream: (message: StreamMessage, from: Address, reply: Reply) => void
  readonly problem: (reason: Problem, detail: string, from?: Address) => void
}

/** Rejects with `ADDRESS_UNUSABLE`. */
export async function bindGossipTransport(options: GossipTransportOptions): Promise<GossipTransport> {
  const { env, bind, packet } = options
  const accepted = new Accepted(options)
  for (let attempt = 1; ; attempt += 1) {
    let listener: StreamListener | undefined
    try {
      listener = await env.streams.listen(bind, (stream) => accepted.take(stream))
      const socket = await env.datagrams.bind(listener.address, packet)
      return new BoundTransport(options, listener, socket, accepted)
    } catch (error) {
      listener?.close()
      const code = error instanceof NetworkError ? error.code : ''
      if (code === 'EADDRINUSE' && bind.port === 0 && attempt < bindAttempts) continue
      const why = code === 'EADDRINUSE' ? 'another process has that port (EADDRINUSE)' : (error as Error).message
      throw new ReeveError('ADDRESS_UNUSABLE', `cannot gossip on ${formatAddress(bind)}: ${why}`, { cause: error })
    }
  }
}

class BoundTransport implements GossipTransport {
  readonly address: Address
  readonly #env: GossipTransportOptions['env']
  readonly #sealing: Sealing
  readonly #listener: StreamListener
  readonly #socket: DatagramSocket
  readonly #accepted: Accepted
  /** With what gives up waiting for their answer. */
  readonly #opened = new Map<ByteStream, (error: Error) => void>()
  /** Each ends one attempt to connect that is under way: many may be, and the system warns of a signal with many listeners. */
  readonly #opening = new Set<AbortController>()
  #closed = false

  constructor(
    { env, sealing }: GossipTransportOptions,
    listener: StreamListener,
    socket: DatagramSocket,
    accepted: Accepted,
  ) {
    this.#accepted = accepted
    this.address = listener.address
    this.#env = env
    this.#sealing = sealing
    this.#listener = listener
    this.#socket = socket
  }

  send(packet: Uint8Array, to: Address, failed: (error: NetworkError) => void): void {
    if (this.#closed) return
    // A socket of both families takes IPv4 addresses in their mapped form only.
    const mapped = this.address.host.includes(':') && !to.host.includes(':')
    this.#socket.send(packet, mapped ? { host: `::ffff:${to.host}`, port: to.port } : to, failed)
  }

  async request(bytes: Uint8Array, to: Address, timeoutMs: number): Promise<StreamAnswer> {
    if (this.#opening.size + this.#opened.size >= maxOpened) throw new Error('too many streams at once')
    const { clock, streams } = this.#env
    const deadlineMs = clock.monotonicMs() + timeoutMs
    const opening = new AbortController()
    this.#opening.add(opening)
    let stream: ByteStream
    try {
      stream = await streams.connect(to, timeoutMs, opening.signal)
    } finally {
      this.#opening.delete(opening)
    }
    if (this.#closed) {
      stream.destroy()
      throw new Error('closed')
    }
    let timer: Timer | undefined
    try {
      return await new Promise<StreamAnswer>((resolve, reject) => {
        this.#opened.set(stream, reject)
        timer = clock.setTimeout(() => reject(new Error('no answer in time')), deadlineMs - clock.monotonicMs())
        const reader = createStreamReader(limits, this.#sealing, 'answerer')
        const conclude = (outcome: StreamOutcome | undefined) => {
          if (outcome?.ok) resolve(outcome)
          else if (outcome) reject(new Error(outcome.problem))
        }
        stream.receive({
          data: (chunk) => conclude(reader.push(chunk)),
          ended: () => conclude(reader.end()),
          closed: (error) => reject(error ?? new Error('closed without an answer')),
        })
        stream.write(bytes)
      })
    } finally {
      clock.clearTimeout(timer)
      stream.destroy()
      this.#opened.delete(stream)
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const opening of [...this.#opening]) opening.abort()
    this.#listener.close()
    this.#socket.close()
    // Not left to the sockets' own ends, which come a moment later: after `close` nothing waits any more.
    for (const giveUp of [...this.#opened.values()]) giveUp(new Error('closed'))
    this.#accepted.close()
  }
}

/** The streams that others opened. */
class Accepted {
  readonly #options: GossipTransportOptions
  readonly #perHost = new Map<string, number>()
  readonly #timers = new Map<ByteStream, Timer>()
  #count = 0
  #bufferedBytes = 0

  constructor(options: GossipTransportOptions) {
    this.#options = options
  }

  take(stream: ByteStream): void {
    const { env, streamTimeoutMs, problem } = this.#options
    const from = stream.remote
    const fromHost = this.#perHost.get(from.host) ?? 0
    if (this.#count >= maxAccepted || fromHost >= maxAcceptedFromHost) {
      problem('excess', 'too many streams at once', from)
      stream.destroy()
      return
    }
    this.#count += 1
    this.#perHost.set(from.host, fromHost + 1)
    const reader = createStreamReader(limits, this.#options.sealing, 'opener')
    let buffered = 0
    let concluded = false
    const limit = (expired: () => void) => {
      env.clock.clearTimeout(this.#timers.get(stream))
      this.#timers.set(stream, env.clock.setTimeout(expired, streamTimeoutMs))
    }
    limit(() => {
      problem('slow', 'a stream that did not go on', from)
      stream.destroy()
    })

    const conclude = (outcome: StreamOutcome) => {
      concluded = true
      this.#bufferedBytes -= buffered
      buffered = 0
      // As long again for the other side to take the answer.
      limit(() => stream.destroy())
      this.#answer(outcome, from, (answer) => {
        if (answer) stream.write(answer)
        stream.end()
      })
    }
    stream.receive({
      data: (chunk) => {
        if (concluded) return
        buffered += chunk.length
        this.#bufferedBytes += chunk.length
        if (this.#bufferedBytes > maxBufferedBytes) {
          problem('excess', 'too much in streams at once', from)
          stream.destroy()
          return
        }
        const outcome = reader.push(chunk)
        if (outcome) conclude(outcome)
      },
      ended: () => {
        if (!concluded) conclude(reader.end())
      },
      closed: () => {
        concluded = true
        this.#forget(stream)
        this.#bufferedBytes -= buffered
        buffered = 0
        this.#count -= 1
        const others = (this.#perHost.get(from.host) ?? 1) - 1
        if (others === 0) this.#perHost.delete(from.host)
        else this.#perHost.set(from.host, others)
      },
    })
  }

  close(): void {
    for (const stream of [...this.#timers.keys()]) {
      this.#forget(stream)
      stream.destroy()
    }
  }

  #forget(stream: ByteStream): void {
    this.#options.env.clock.clearTimeout(this.#timers.get(stream))
    this.#timers.delete(stream)
  }

  #answer(outcome: StreamOutcome, from: Address, reply: Reply): void {
    const { stream, problem, sealing } = this.#options
    if (outcome.ok) {
      stream(outcome.value, from, reply)
      return
    }
    problem(outcome.foreign ? 'foreign' : 'malformed', outcome.problem, from)
    const answer = encodeStream({ kind: 'error', text: outcome.problem }, { compress: false })
    reply(outcome.answer ? sealing.sealStream(answer, 'answerer') : undefined)
  }
}
