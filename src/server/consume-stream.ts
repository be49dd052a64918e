/**
 * A stream of everything in a topic, and with `follow` of everything to come.
 *
 * Owns: the pace. It sends while the transport takes, then waits for `drained`; at the end it waits for a commit.
 * Never: holds more than one message, keeps others waiting while it reads a long log, costs anything when idle.
 */

import type { CallListener, RpcHandler, ServerCall, Timer } from '../env/env.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import { ConsumeStreamRequestSchema } from '../gen/reeve/v1/log_service_pb.ts'
import type { ConsumeDeps } from './consume.ts'
import { readingStart, topicUnknown } from './consume.ts'
import { encodeDelivery } from './delivery.ts'
import { isClosing, nodeStopping } from './phase.ts'
import { TopicReader } from './reader.ts'
import { decode, oneMessage } from './typed.ts'

/** Large enough that the cost of a message does not show, small enough to travel at once. */
const messageBytes = 256 * 1024

/** Read in one go before others have their turn on the event loop. */
const burstBytes = 1024 * 1024

export function consumeStream(deps: ConsumeDeps): RpcHandler {
  return (call) => {
    const feed = new Feed(call, deps)
    return {
      ...oneMessage(call, (bytes) => feed.begin(bytes)),
      drained: () => feed.drained(),
      cancelled: () => feed.close(),
    } satisfies CallListener
  }
}

class Feed {
  readonly #call: ServerCall
  readonly #deps: ConsumeDeps
  #reader: TopicReader | undefined
  #follow = false
  #mayRead: () => void = () => {}
  #recordsLeft = Number.MAX_SAFE_INTEGER
  /** The transport holds more than a window. */
  #clogged = false
  /** Set while the next burst waits for its turn. */
  #pause: Timer | undefined
  /** The caller was told that this is the end, and nothing came since. */
  #toldEnd = false
  #unsubscribe: (() => void) | undefined

  constructor(call: ServerCall, deps: ConsumeDeps) {
    this.#call = call
    this.#deps = deps
  }

  begin(bytes: Uint8Array): void {
    const { journal, commits, phase, access } = this.#deps
    const request = decode(ConsumeStreamRequestSchema, bytes)
    const start = readingStart(request, this.#call, this.#deps)
    this.#follow = request.follow
    const unknown = journal.topicLogs(request.topic).length === 0
    if (unknown && !request.follow) throw topicUnknown(request.topic)
    if (request.maxRecords > 0n && request.maxRecords < BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#recordsLeft = Number(request.maxRecords)
    }
    const subject = access.subjectOf(this.#call.caller)
    this.#mayRead = () => access.require(subject, 'consume', request.topic)
    this.#reader = new TopicReader({ ...start, journal, commits, woken: () => this.#pump() })
    this.#unsubscribe = phase.onChange((now) => {
      if (isClosing(now)) this.#finish(nodeStopping())
    })
    this.#pump()
  }

  drained(): void {
    this.#clogged = false
    this.#pump()
  }

  close(): void {
    this.#reader?.close()
    this.#reader = undefined
    this.#deps.clock.clearTimeout(this.#pause)
    this.#pause = undefined
    this.#unsubscribe?.()
  }

  #pump(): void {
    if (this.#clogged || this.#pause !== undefined) return
    try {
      // A right that was taken away ends streams that have it, not only new ones.
      if (this.#reader) this.#mayRead()
      let burst = 0
      while (this.#reader?.ready && !this.#clogged && burst < burstBytes) burst += this.#sendNext(this.#reader)
      if (!this.#reader || this.#clogged) return
      if (this.#reader.ready) this.#continueLater()
      else this.#atEnd(this.#reader)
    } catch (error) {
      this.#finish(toReeveError(error))
    }
  }

  /** Sends one message; returns its size. */
  #sendNext(reader: TopicReader): number {
    const { runs, records } = reader.next(messageBytes, this.#recordsLeft)
    this.#recordsLeft -= records
    this.#toldEnd = reader.atEnd
    const message = encodeDelivery(runs, reader.cursor(), this.#toldEnd)
    if (!this.#call.send(message)) this.#clogged = true
    if (this.#recordsLeft === 0) this.#finish()
    return message.length
  }

  #atEnd(reader: TopicReader): void {
    if (!this.#toldEnd && (reader.atEnd || !this.#follow)) {
      this.#toldEnd = reader.atEnd
      if (!this.#call.send(encodeDelivery([], reader.cursor(), this.#toldEnd))) this.#clogged = true
    }
    if (!this.#follow) this.#finish()
  }

  /** The shortest possible turn for everybody else. */
  #continueLater(): void {
    this.#pause = this.#deps.clock.setTimeout(() => {
      this.#pause = undefined
      this.#pump()
    }, 0)
  }

  #finish(error?: ReeveError): void {
    this.close()
    this.#call.finish(error)
  }
}
