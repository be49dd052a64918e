/**
 * A stream of everything in a topic, and with `follow` of everything to come.
 *
 * Owns: the pace. It sends while the transport takes, then waits for `drained`; at the end it waits for a commit.
 * Never: holds more than one message, keeps others waiting while it reads a long log, costs anything when idle.
 */

import type { CallListener, RpcHandler, ServerCall, Timer } from '../env/env.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import { ConsumeStreamRequestSchema } from '../gen/reeve/v1/log_service_pb.ts'
import { CatchUp, placeToReach } from './catch-up.ts'
import type { ConsumeDeps } from './consume.ts'
import { topicUnknown } from './consume.ts'
import { waitLimitMs } from './deadline.ts'
import { type DeliveredRun, encodeDelivery } from './delivery.ts'
import { packDelivery, packedOverhead } from './packed-delivery.ts'
import { isClosing, nodeStopping } from './phase.ts'
import { type Round, TopicReader } from './reader.ts'
import { readingStart } from './reading-start.ts'
import { decode, oneMessage } from './typed.ts'

/** Large enough that the cost of a message does not show, small enough to travel at once. */
const messageBytes = 256 * 1024

/** What goes out at once beside the records themselves, where few go into a message. */
const packedMaxBytes = 256 * 1024

/** A larger batch comes in parts: every gRPC client takes messages of 4 MiB. */
const batchMaxBytes = 2 * 1024 * 1024

/** Read in one go before others have their turn on the event loop. */
const burstBytes = 1024 * 1024
/** What a round counts at least: it may have looked at the beginnings of many logs and found nothing to send yet. */
const roundMinBytes = 128 * 1024

/**
 * A caller whose filter lets nothing through is told how far it is after so many bytes or, when there is something to
 * look through, so much time: a resume does not look through all of it again.
 */
const silentMaxBytes = 8 * 1024 * 1024
const silentMaxMs = 5_000

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
  #catchUp: CatchUp | undefined
  #reader: TopicReader | undefined
  #follow = false
  #mayRead: () => void = () => {}
  #recordsLeft = Number.MAX_SAFE_INTEGER
  #bytesLeft = Number.MAX_SAFE_INTEGER
  #recordsPerMessage = 0
  /** Records that are read at once: no limit, but where few go into a message. */
  #packedRecords = Number.MAX_SAFE_INTEGER
  /** The transport holds more than a window. */
  #clogged = false
  /** Set while the next burst waits for its turn. */
  #pause: Timer | undefined
  /** The caller was told that this is the end, and nothing came since. */
  #toldEnd = false
  /** Looked through since the caller was last told how far it is. */
  #silentBytes = 0
  #toldMs = 0
  #unsubscribe: (() => void) | undefined

  constructor(call: ServerCall, deps: ConsumeDeps) {
    this.#call = call
    this.#deps = deps
  }

  begin(bytes: Uint8Array): void {
    const { phase, access } = this.#deps
    const request = decode(ConsumeStreamRequestSchema, bytes)
    const start = readingStart(request, this.#call, this.#deps)
    this.#follow = request.follow
    this.#recordsLeft = limitOf(request.maxRecords)
    this.#bytesLeft = limitOf(request.maxBytes)
    this.#recordsPerMessage = request.recordsPerMessage
    this.#packedRecords = request.recordsPerMessage || Number.MAX_SAFE_INTEGER
    const subject = access.subjectOf(this.#call.caller)
    this.#mayRead = () => access.require(subject, 'consume', request.topic)
    const place = placeToReach(request.waitFor, request.topic)
    this.#unsubscribe = phase.onChange((now) => {
      if (isClosing(now)) this.#finish(nodeStopping())
    })
    const waitMs = waitLimitMs(this.#call.remainingMs(), request.waitMs || Number.POSITIVE_INFINITY)
    this.#catchUp = new CatchUp(this.#deps, request.topic, {
      reached: () => this.#open(start),
      late: (error) => this.#finish(error),
    })
    this.#catchUp.begin(place, Number.isFinite(waitMs) ? waitMs : undefined)
  }

  #open(start: ReturnType<typeof readingStart>): void {
    const { journal, commits, declarations, clock } = this.#deps
    try {
      if (!this.#follow && journal.topicLogs(start.topic).length === 0) throw topicUnknown(start.topic)
      this.#toldMs = clock.monotonicMs()
      this.#reader = new TopicReader({ ...start, journal, commits, declarations, woken: () => this.#pump() })
      // A caller that keeps only how far it got in single logs would lose where the others began.
      const { at } = start.start
      if (!start.place && (at === 'time' || at === 'end')) this.#tell(this.#reader, [])
      this.#pump()
    } catch (error) {
      this.#finish(toReeveError(error))
    }
  }

  drained(): void {
    this.#clogged = false
    this.#pump()
  }

  close(): void {
    this.#catchUp?.close()
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
      else if (!this.#reader.fetching) this.#atEnd(this.#reader)
    } catch (error) {
      this.#finish(toReeveError(error))
    }
  }

  /** Sends what comes next, if it finds anything; returns how much it read. */
  #sendNext(reader: TopicReader): number {
    const round = reader.next({
      maxBytes: Math.min(messageBytes, this.#bytesLeft),
      cutBytes: Math.min(batchMaxBytes, this.#bytesLeft),
      maxRecords: Math.min(this.#recordsLeft, this.#packedRecords),
      oneLog: this.#recordsPerMessage > 0,
    })
    this.#silentBytes += round.searched
    if (round.records > 0) {
      this.#recordsLeft -= round.records
      this.#bytesLeft -= round.bytes
      this.#deps.consumed?.(round.records, round.bytes)
      if (round.alone) this.#tellPacked(reader, round)
      else this.#tell(reader, round.runs)
      if (this.#recordsLeft <= 0 || this.#bytesLeft <= 0) this.#finish()
    } else if (this.#silentForLong()) this.#tell(reader, [])
    return Math.max(round.searched, roundMinBytes)
  }

  #atEnd(reader: TopicReader): void {
    if (!this.#toldEnd && (reader.atEnd || !this.#follow)) this.#tell(reader, [])
    if (!this.#follow) this.#finish()
  }

  #tell(reader: TopicReader, runs: readonly DeliveredRun[]): void {
    this.#told(reader)
    if (!this.#call.send(encodeDelivery(runs, reader.cursor(), this.#toldEnd))) this.#clogged = true
  }

  #tellPacked(reader: TopicReader, { runs, alone }: Round): void {
    if (!alone) return
    this.#told(reader)
    const recordsPerMessage = this.#recordsPerMessage
    const { track, others: otherPositions } = alone
    const packed = packDelivery(runs, { recordsPerMessage, otherPositions, offset: track.offset, atEnd: this.#toldEnd })
    if (!this.#call.sendFramed(packed)) this.#clogged = true
    const messages = Math.max(1, Math.floor(packedMaxBytes / packedOverhead(track.from, otherPositions)))
    this.#packedRecords = messages * recordsPerMessage
  }

  #told(reader: TopicReader): void {
    this.#toldEnd = reader.atEnd
    this.#silentBytes = 0
    this.#toldMs = this.#deps.clock.monotonicMs()
  }

  #silentForLong(): boolean {
    if (this.#silentBytes === 0) return false
    return this.#silentBytes >= silentMaxBytes || this.#deps.clock.monotonicMs() - this.#toldMs >= silentMaxMs
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

/** 0: none. */
function limitOf(asked: bigint): number {
  return asked > 0n && asked < BigInt(Number.MAX_SAFE_INTEGER) ? Number(asked) : Number.MAX_SAFE_INTEGER
}
