/**
 * Batches on their way to a server: takes them as they can be sent, tells each what became of it. After a lost connection
 * what was not answered goes first, in its order, to the same server or another one. Never sends again what was
 * acknowledged or refused.
 */

import type { ClientCall, Timer } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { AckReader } from './ack.ts'
import { pathOf } from './call.ts'
import { type Connections, isUnavailable, type Live } from './connections.ts'
import { createPatience, type Patience } from './patience.ts'
import type { ProducedBatch } from './produced-batch.ts'

export interface OutboxOptions {
  readonly connections: Connections
  /** How long one server may take to acknowledge the oldest batch in flight. */
  readonly ackTimeoutMs: number
  /** The next batch, now that one can be sent. */
  readonly take: () => ProducedBatch | undefined
  /** Whether `take` would give one. */
  readonly hasMore: () => boolean
  /** It is acknowledged, or has failed, and is about to be told so. */
  readonly settled: (batch: ProducedBatch) => void
}

interface Stream extends Live {
  readonly call: ClientCall
  readonly acks: AckReader
  writable: boolean
  /** Nothing was sent on it. */
  fresh: boolean
}

/** Batches in flight: less than a server remembers of a producer (64), so that it knows each when it comes again. */
const inFlightMax = 32

export class Outbox {
  readonly #options: OutboxOptions
  readonly #patience: Patience
  #inFlight: ProducedBatch[] = []
  /** Were in flight when their server was lost. */
  #again: ProducedBatch[] = []
  #stream: Stream | undefined
  #opening = false
  #ackTimer: Timer | undefined
  /** Since when the oldest batch in flight waits for its answer, and no other one got its own. */
  #waitingSinceMs = 0
  #lastLoss: ReeveError | undefined

  constructor(options: OutboxOptions) {
    this.#options = options
    const { clock, timeoutMs } = options.connections
    this.#patience = createPatience(clock, timeoutMs)
  }

  get pending(): readonly ProducedBatch[] {
    return [...this.#inFlight, ...this.#again]
  }

  /** There may be something to send, or room for it. */
  pump(): void {
    const stream = this.#stream
    if (!stream) {
      if (!this.#opening && (this.#again.length > 0 || this.#options.hasMore())) void this.#open()
      return
    }
    while (stream.writable && this.#inFlight.length < inFlightMax) {
      const batch = this.#again.shift() ?? this.#options.take()
      if (!batch) break
      if (this.#inFlight.push(batch) === 1) this.#watchAcks()
      const request = batch.request(stream.fresh)
      stream.fresh = false
      stream.writable = stream.call.send(request)
    }
  }

  end(): void {
    this.#stream?.call.end()
  }

  async #open(): Promise<void> {
    this.#opening = true
    try {
      if (this.#lastLoss) await this.#patience.wait(this.#lastLoss)
      const live = await this.#options.connections.answering()
      const acks = new AckReader()
      const call = live.channel.call(
        pathOf(LogService.method.produceStream),
        {},
        {
          message: (bytes) => this.#answered(acks, bytes),
          drained: () => {
            if (this.#stream) this.#stream.writable = true
            this.pump()
          },
          closed: (error) => this.#closed(live, error),
        },
      )
      this.#stream = { ...live, call, acks, writable: true, fresh: true }
    } catch (thrown) {
      this.#giveUp(toReeveError(thrown))
    } finally {
      this.#opening = false
    }
    this.pump()
  }

  #giveUp(error: ReeveError): void {
    for (const batch of this.#again.splice(0)) this.#fail(batch, batch.doubtful ? outcomeUnknown(error) : error)
    for (let batch = this.#options.take(); batch; batch = this.#options.take()) this.#fail(batch, error)
  }

  #answered(acks: AckReader, bytes: Uint8Array): void {
    try {
      const { place, recordCount } = acks.read(bytes)
      const batch = this.#inFlight[0]
      if (batch?.count !== recordCount) {
        throw new ReeveError('INTERNAL', 'the server acknowledged something else than what was sent')
      }
      this.#inFlight.shift()
      if (this.#inFlight.length === 0) this.#watchNoMore()
      this.#waitingSinceMs = this.#options.connections.clock.monotonicMs()
      this.#progressed()
      this.#options.settled(batch)
      batch.acknowledged(place)
    } catch {
      this.#stream?.call.cancel()
    }
    this.pump()
  }

  #progressed(): void {
    this.#lastLoss = undefined
    this.#patience.restore()
  }

  /** One timer for all answers: it looks whether the oldest is due, and waits for the rest of its time. */
  #watchAcks(): void {
    const { connections, ackTimeoutMs } = this.#options
    const { clock } = connections
    this.#waitingSinceMs = clock.monotonicMs()
    const look = () => {
      this.#ackTimer = undefined
      const leftMs = this.#waitingSinceMs + ackTimeoutMs - clock.monotonicMs()
      if (leftMs <= 0) this.#stream?.call.cancel()
      else this.#ackTimer = clock.setTimeout(look, leftMs)
    }
    this.#ackTimer = clock.setTimeout(look, ackTimeoutMs)
  }

  #watchNoMore(): void {
    this.#options.connections.clock.clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
  }

  #closed(live: Live, error: ReeveError | undefined): void {
    const { connections } = this.#options
    this.#stream = undefined
    this.#watchNoMore()
    if (error && isVerdict(error)) {
      this.#progressed()
      // What a server no longer remembers, it may have stored when it was sent before.
      const batch = this.#inFlight.shift()
      const forgotten = error.code === 'PRODUCER_OUT_OF_ORDER' && batch?.doubtful
      if (batch) this.#fail(batch, forgotten ? outcomeUnknown(error) : error)
    } else if (error || this.#inFlight.length > 0) {
      this.#lastLoss = error ?? new ReeveError('UNAVAILABLE', 'the server ended the stream')
      connections.failed(live.address)
      if (!isPromiseOfNothing(this.#lastLoss)) for (const batch of this.#inFlight) batch.doubtful = true
    }
    this.#again = [...this.#inFlight, ...this.#again]
    this.#inFlight = []
    this.pump()
  }

  #fail(batch: ProducedBatch, error: ReeveError): void {
    this.#options.settled(batch)
    batch.fail(error)
  }
}

/** The server judged the oldest batch in flight; a broken or cancelled stream judged nothing. */
function isVerdict(error: ReeveError): boolean {
  return !isUnavailable(error) && !['CANCELLED', 'INTERNAL', 'DEADLINE_EXCEEDED'].includes(error.code)
}

/** See `NODE_STOPPING` in the table of errors. */
function isPromiseOfNothing({ code }: ReeveError): boolean {
  return code === 'NODE_STARTING' || code === 'NODE_STOPPING'
}

function outcomeUnknown(cause: ReeveError): ReeveError {
  const message = `no server has answered for it; stored or not is unknown: ${cause.message}`
  return new ReeveError('OUTCOME_UNKNOWN', message, { cause })
}
