/**
 * An established two-way connection between two processes, after TCP: segments arrive in order or not at all, late, and
 * while the path is closed they are held. Owns order, holding, resets and the discovery of a dead link; what segments
 * mean is the business of streams and calls.
 *
 * A killed process resets its connections at once; a machine without power says nothing and the other side finds out by
 * timeout, or by a reset once the machine is back.
 */

import { type Address, NetworkError } from '../env/env.ts'
import type { ReeveError } from '../errors.ts'
import type { SimulatedCertificate } from './certificates.ts'
import type { SimulatedEvent } from './event-heap.ts'
import type { Machine, Network } from './network.ts'
import type { Process } from './process.ts'
import { tagOf } from './trace.ts'

export type Segment =
  | { readonly kind: 'opened'; readonly shown: SimulatedCertificate | undefined }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | {
      readonly kind: 'headers'
      readonly path: string
      readonly metadata: ReadonlyMap<string, string>
      readonly timeoutMs: number | undefined
      readonly secure: boolean
      readonly certificate: SimulatedCertificate | undefined
    }
  | { readonly kind: 'credit'; readonly bytes: number }
  | { readonly kind: 'status'; readonly error: ReeveError | undefined }
  | { readonly kind: 'reset' }

export interface EndListener {
  received(segment: Exclude<Segment, { kind: 'opened' | 'reset' }>): void
  /** The connection is gone; the last call. ECONNRESET or ETIMEDOUT. */
  broken(error: NetworkError): void
}

const reset: Segment = { kind: 'reset' }
const segmentTags = { opened: 1, bytes: 2, end: 3, headers: 4, credit: 5, status: 6, reset: 7 }

interface Held {
  readonly segment: Segment
  readonly order: number
}

interface Side {
  readonly machine: Machine
  readonly process: Process
  readonly local: Address
}

export class ConnectionEnd {
  readonly machine: Machine
  readonly process: Process
  readonly local: Address
  peer!: ConnectionEnd
  listener: EndListener | undefined
  closed = false
  /** For the connecting side, until it is open. */
  onOpened: ((shown: SimulatedCertificate | undefined) => void) | undefined
  readonly #network: Network
  /** How long a dead link goes unnoticed; `keepalive`: noticed also when nothing is under way. */
  readonly #breakMs: number
  readonly #keepalive: boolean
  readonly #forget: () => void
  /** Sent and not arrived, oldest first, while the path is closed. */
  #held: Held[] = []
  #order = 0
  /** So many arrived, in order. */
  #arrived = 0
  readonly #early = new Map<number, Segment>()
  #underWay = 0
  #lastArrivalUs = 0
  #breaking: SimulatedEvent | undefined
  #silenced = false

  constructor(network: Network, side: Side, options: { breakMs: number; keepalive: boolean }) {
    this.#network = network
    this.machine = side.machine
    this.process = side.process
    this.local = side.local
    this.#breakMs = options.breakMs
    this.#keepalive = options.keepalive
    this.#forget = this.process.atDeath((death) => (death === 'killed' ? this.reset() : this.close()))
    network.watch(this)
  }

  get remote(): Address {
    return this.peer.local
  }

  send(segment: Segment): void {
    if (this.closed) return
    this.#underWay++
    this.#forward(segment)
    if (!this.#linked()) this.#startBreaking()
  }

  /** This end is done: what was sent still arrives, what arrives from now on is answered with a reset. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.process.timeline.cancel(this.#breaking)
    this.#forget()
    if (this.peer.closed) {
      this.#network.forget(this)
      this.#network.forget(this.peer)
    }
  }

  /** Closes this end and breaks the other. */
  reset(): void {
    if (this.closed) return
    this.close()
    this.#forward(reset)
  }

  /** Half-open from here on: nothing gets to the other end any more, whatever the path, and nothing says so. */
  silence(): void {
    if (this.#silenced) return
    this.#silenced = true
    this.linkChanged()
    this.peer.linkChanged()
  }

  /** Somebody on the path resets both ends. */
  tear(): void {
    for (const end of [this, this.peer]) end.process.schedule('keepalive', 0, () => end.#broke('ECONNRESET'))
  }

  /** For the network: a partition began or ended, a machine went up or down. */
  linkChanged(): void {
    if (this.#reaches()) {
      const held = this.#held
      this.#held = []
      for (const { segment, order } of held) this.#forward(segment, order)
    }
    if (this.closed) return
    if (!this.#linked()) {
      if (this.#keepalive || this.#underWay > 0) this.#startBreaking()
      return
    }
    this.process.timeline.cancel(this.#breaking)
    this.#breaking = undefined
    if (!this.peer.process.alive && (this.#keepalive || this.#underWay > 0)) this.peer.#forward(reset)
  }

  #reaches(): boolean {
    return !this.#silenced && this.#network.isOpen(this.machine, this.peer.machine)
  }

  #linked(): boolean {
    return this.#reaches() && this.peer.#reaches()
  }

  #forward(segment: Segment, order = this.#order++): void {
    const { peer } = this
    if (!this.#reaches()) {
      this.#hold(segment, order)
      return
    }
    if (!peer.process.alive) {
      // Nobody is there to receive it, but the machine answers.
      if (!this.closed) peer.#forward(reset)
      return
    }
    const { timeline } = this.#network
    const arrivalUs = timeline.nowUs + this.#network.segmentDelayUs(this.machine, peer.machine, bytesOf(segment))
    this.#lastArrivalUs = Math.max(this.#lastArrivalUs, arrivalUs)
    const tag = tagOfSegment(segment)
    peer.process.schedule('segment', this.#lastArrivalUs - timeline.nowUs, () => this.#arrive(segment, order), tag)
  }

  /** What was under way when the path closed goes before what was sent since. */
  #hold(segment: Segment, order: number): void {
    const place = this.#held.findLastIndex((other) => other.order < order) + 1
    this.#held.splice(place, 0, { segment, order })
  }

  #arrive(segment: Segment, order: number): void {
    if (!this.#reaches()) {
      this.#hold(segment, order)
      if (!this.closed) this.#startBreaking()
      return
    }
    // One before it was held when the path was closed, and comes later.
    if (order > this.#arrived) {
      this.#early.set(order, segment)
      return
    }
    for (let next: Segment | undefined = segment; next; next = this.#early.get(this.#arrived)) {
      this.#early.delete(this.#arrived++)
      this.#deliver(next)
    }
  }

  #deliver(segment: Segment): void {
    const { peer } = this
    if (segment.kind !== 'reset') this.#underWay--
    if (peer.closed) {
      if (segment.kind !== 'reset' && !this.closed) peer.#forward(reset)
    } else if (segment.kind === 'reset') peer.#broke('ECONNRESET')
    else if (segment.kind !== 'opened') peer.listener?.received(segment)
    else peer.onOpened?.(segment.shown)
  }

  #startBreaking(): void {
    this.#breaking ??= this.process.schedule('keepalive', this.#breakMs * 1000, () => this.#broke('ETIMEDOUT'))
  }

  #broke(code: 'ECONNRESET' | 'ETIMEDOUT'): void {
    if (this.closed) return
    this.close()
    this.listener?.broken(new NetworkError(code, `connection to ${this.remote.host}:${this.remote.port}: ${code}`))
  }
}

function tagOfSegment(segment: Segment): number {
  const salt = segmentTags[segment.kind]
  return segment.kind === 'bytes' ? tagOf(segment.bytes, salt) : salt
}

/** Of what travels; headers of HTTP/2 are packed to about this. */
function bytesOf(segment: Segment): number {
  if (segment.kind === 'bytes') return segment.bytes.length
  return segment.kind === 'headers' ? 100 : 10
}
