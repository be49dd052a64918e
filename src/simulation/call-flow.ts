/**
 * One side of a call: messages out under a window, messages in at the pace of whoever listens. Owns queueing, credit
 * and pausing for client and server alike; knows nothing of paths, deadlines or statuses' meaning.
 */

import type { ConnectionEnd, Segment } from './connection.ts'

export interface FlowListener {
  message(bytes: Uint8Array): void
  /** The other side's last segment: `end` of a client, `status` of a server. After all messages. */
  last(segment: Extract<Segment, { kind: 'end' | 'status' }>): void
  drained(): void
}

type Incoming = Extract<Segment, { kind: 'bytes' | 'end' | 'status' }>

/** What gRPC puts before each message; counted so that empty messages are bounded too. */
const prefixBytes = 5

export class CallFlow {
  readonly #windowBytes: number
  readonly #listener: FlowListener
  #end: ConnectionEnd | undefined
  #outgoing: Segment[] = []
  #queuedBytes = 0
  #underWayBytes = 0
  /** Of what came, and not said to the other side yet. */
  #takenBytes = 0
  #starved = false
  #lastQueued = false
  #incoming: Incoming[] = []
  #paused = false
  #stopped = false

  constructor(windowBytes: number, listener: FlowListener) {
    this.#windowBytes = windowBytes
    this.#listener = listener
  }

  /** Messages sent before there is a connection wait for it. */
  attach(end: ConnectionEnd): void {
    this.#end = end
    this.#pump()
  }

  /** False: more than a window is queued or under way; or all is over and the message is ignored. */
  send(message: Uint8Array): boolean {
    if (this.#stopped || this.#lastQueued) return false
    this.#outgoing.push({ kind: 'bytes', bytes: message.slice() })
    this.#queuedBytes += message.length + prefixBytes
    this.#pump()
    const fits = this.#queuedBytes + this.#underWayBytes <= this.#windowBytes
    if (!fits) this.#starved = true
    return fits
  }

  /** Queued behind all messages; nothing can be sent after it. */
  sendLast(segment: Extract<Segment, { kind: 'end' | 'status' }>): void {
    if (this.#stopped || this.#lastQueued) return
    this.#lastQueued = true
    this.#outgoing.push(segment)
    this.#pump()
  }

  /** Everything that was sent has left this side. */
  get flushed(): boolean {
    return this.#outgoing.length === 0
  }

  credit(bytes: number): void {
    this.#underWayBytes -= bytes
    this.#pump()
    if (!this.#starved || this.#stopped || this.#queuedBytes + this.#underWayBytes > this.#windowBytes) return
    this.#starved = false
    if (!this.#lastQueued) this.#listener.drained()
  }

  received(segment: Incoming): void {
    if (this.#stopped) return
    this.#incoming.push(segment)
    this.#deliver()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#end?.process.schedule('call', 0, () => this.#deliver())
  }

  /** Nothing is sent or told from here on. */
  stop(): void {
    this.#stopped = true
    this.#outgoing = []
    this.#incoming = []
  }

  #pump(): void {
    if (this.#end === undefined) return
    for (let next = this.#outgoing[0]; next !== undefined; next = this.#outgoing[0]) {
      if (next.kind === 'bytes') {
        const bytes = next.bytes.length + prefixBytes
        // Of less than half a window the other side need not say that it was taken; a larger message goes alone then.
        if (this.#underWayBytes >= this.#windowBytes / 2 && this.#underWayBytes + bytes > this.#windowBytes) return
        this.#underWayBytes += bytes
        this.#queuedBytes -= bytes
      }
      this.#outgoing.shift()
      this.#end.send(next)
    }
  }

  /** As HTTP/2 does by custom: told by the half window, not by the message. */
  #took(bytes: number): void {
    this.#takenBytes += bytes
    if (this.#takenBytes < this.#windowBytes / 2) return
    this.#end?.send({ kind: 'credit', bytes: this.#takenBytes })
    this.#takenBytes = 0
  }

  #deliver(): void {
    while (!this.#paused && !this.#stopped) {
      const segment = this.#incoming.shift()
      if (segment === undefined) return
      if (segment.kind === 'bytes') {
        this.#took(segment.bytes.length + prefixBytes)
        this.#listener.message(segment.bytes)
      } else this.#listener.last(segment)
    }
  }
}
