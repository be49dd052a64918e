/**
 * The reading of one topic behind a consumer. Owns the stream to one server at a time and a bounded queue of what arrived;
 * after a loss it goes on at the next server, from the cursor of what it has, so that no record comes twice.
 */

import { create, toBinary } from '@bufbuild/protobuf'
import type { ClientCall } from '../env/env.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import { ConsumeStreamRequestSchema, LogService } from '../gen/reeve/v1/log_service_pb.ts'
import { epochToBytes } from '../log/log-id.ts'
import { type Answer, AnswerReader } from './answer.ts'
import { pathOf } from './call.ts'
import { type Connections, isUnavailable, type Live } from './connections.ts'
import type { ConsumedBatch } from './consumed-batch.ts'
import { type ConsumerOptions, requestOf } from './consumer-options.ts'
import type { CursorKeeper, Standing } from './cursor-keeper.ts'
import { cursorBehind, type Hole, holeOf, isAgain } from './holes.ts'
import { createPatience, type Patience } from './patience.ts'
import type { ConsumedRecord } from './record.ts'
import { Repeats } from './repeats.ts'

/** Bytes that may wait in the queue before the server is asked to pause. */
const maxQueuedBytes = 4 * 1024 * 1024

interface Arrival extends Answer {
  readonly bytes: number
}

export class Reading {
  /** Behind what was taken. */
  taken: Uint8Array
  /** In the caller's hands, where records are taken one by one. */
  inHand: ConsumedRecord | undefined
  keeper: CursorKeeper | undefined
  readonly #connections: Connections
  #options: ConsumerOptions
  readonly #patience: Patience
  /** Undefined: they are wanted. */
  readonly #repeats: Repeats | undefined
  /** The server counted something for the limits that was dropped here. */
  #dropped = false
  #queue: Arrival[] = []
  #queuedBytes = 0
  /** What is being taken, and how many of its batches were given. */
  #current: Arrival | undefined
  #given = 0
  /** Without those of `#uncounted`. */
  #givenRecords = 0
  /** The last batch that was given, where records are counted: once the caller went through it, it knows how many it had. */
  #uncounted: ConsumedBatch | undefined
  #givenBytes = 0
  #call: ClientCall | undefined
  #paused = false
  #finished = false
  #abandoned = false
  #failure: ReeveError | undefined
  #lostServer = true
  #lastLoss: ReeveError | undefined
  /** The last hole that was gone around. */
  #skipped: Hole | undefined
  #wake: () => void = () => undefined
  readonly #over: Promise<void>
  #tellOver: () => void = () => undefined

  constructor(connections: Connections, options: ConsumerOptions) {
    this.#connections = connections
    this.#options = options
    this.#patience = createPatience(connections.clock, connections.timeoutMs)
    this.#repeats = options.dropRepeats === false ? undefined : new Repeats()
    this.taken = requestOf(options).cursor ?? new Uint8Array()
    this.#over = new Promise((resolve) => {
      this.#tellOver = resolve
    })
  }

  /** The next batch, if it is here; undefined: `arrival` tells when to ask again, or that it is over. */
  take(): ConsumedBatch | undefined {
    if (this.#abandoned) return undefined
    this.#givenRecords += this.#uncounted?.count ?? 0
    this.#uncounted = undefined
    for (;;) {
      const current = this.#current
      if (current) {
        this.inHand = undefined
        this.keeper?.taken()
        const batch = current.batches[this.#given]
        if (batch) {
          this.#given++
          this.#count(batch)
          return batch
        }
        this.taken = current.cursor
      }
      this.#current = this.#queue.shift()
      this.#given = 0
      if (!this.#current) return undefined
      this.#queuedBytes -= this.#current.bytes
      if (this.#paused && this.#queuedBytes < maxQueuedBytes / 2) {
        this.#paused = false
        this.#call?.resume()
      }
    }
  }

  /** Resolves with false when all was taken; rejects with what ended it. */
  async arrival(): Promise<boolean> {
    while (this.#queue.length === 0) {
      if (this.#failure && !(await this.#skip(this.#failure))) throw this.#failure
      if (this.#finished || this.#enough) return false
      if (this.#lostServer) await Promise.race([this.#open(), this.#over])
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    return true
  }

  finish(): void {
    this.#finished = true
    this.#call?.cancel()
    this.#wake()
    this.#tellOver()
  }

  fail(error: ReeveError): void {
    this.#failure ??= error
    this.finish()
  }

  /** Nothing more is wanted of what arrived. */
  abandon(): void {
    this.#queue = []
    this.#abandoned = true
    this.finish()
  }

  /** How far the caller is. */
  standing(withInHand: boolean): Standing {
    const positions = new Map<string, Standing['positions'][number]>()
    const given = this.#current?.batches.slice(0, this.#given) ?? []
    for (const [index, batch] of given.entries()) {
      const { origin, epoch } = batch
      let offset = batch.endOffset
      if (index === given.length - 1) {
        if (this.inHand) offset = this.inHand.offset + (withInHand ? 1 : 0)
        else if (!withInHand) offset = batch.baseOffset
      }
      positions.set(`${origin}/${epoch}`, { origin, epoch: epochToBytes(epoch), offset: BigInt(offset) })
    }
    return { cursor: this.taken, positions: [...positions.values()] }
  }

  /** True when the reading goes on behind a hole. All that came before it was taken. */
  async #skip(error: ReeveError): Promise<boolean> {
    const hole = this.#options.holes === 'skip' ? holeOf(error) : undefined
    if (!hole || isAgain(hole, this.#skipped)) return false
    this.#skipped = hole
    const { topic, from, cursorName } = this.#options
    if (this.taken.length > 0) this.taken = cursorBehind(this.taken, hole)
    else if (cursorName !== undefined) {
      const kept = await this.#connections.ask(LogService.method.getCursor, { topic, name: cursorName })
      this.taken = cursorBehind(kept.cursor, hole)
    }
    // Nothing was read yet: a start that was named by an offset moves; any other is looked for anew.
    else if (typeof from === 'object' && 'offset' in from)
      this.#options = { ...this.#options, from: { ...from, offset: hole.to } }
    this.#failure = undefined
    this.#finished = false
    this.#lostServer = true
    this.#options.onHole?.(hole)
    return true
  }

  get #enough(): boolean {
    const { maxRecords, maxBytes } = this.#options
    return (
      (maxRecords !== undefined && this.#givenRecords >= maxRecords) ||
      (maxBytes !== undefined && this.#givenBytes >= maxBytes)
    )
  }

  get #limited(): boolean {
    return this.#options.maxRecords !== undefined || this.#options.maxBytes !== undefined
  }

  #count(batch: ConsumedBatch): void {
    this.#givenBytes += batch.bytes
    if (this.#options.maxRecords !== undefined) this.#uncounted = batch
  }

  /** Only once everything that arrived was taken: `taken` is then where the next server goes on. */
  async #open(): Promise<void> {
    if (this.#lastLoss) await this.#patience.wait(this.#lastLoss)
    const live = await this.#connections.answering()
    if (this.#finished) return
    this.#lostServer = false
    const answers = new AnswerReader(this.#options.topic)
    this.#call = live.channel.call(
      pathOf(LogService.method.consumeStream),
      {},
      { message: (bytes) => this.#arrived(answers, bytes), closed: (error) => this.#ended(live, error) },
    )
    const { maxRecords, maxBytes } = this.#options
    const request = create(ConsumeStreamRequestSchema, {
      ...requestOf(this.#options),
      cursor: this.taken,
      waitMs: this.#options.waitFor ? Math.min(this.#connections.timeoutMs, 0xffff_ffff) : 0,
      maxRecords: BigInt(maxRecords === undefined ? 0 : maxRecords - this.#givenRecords),
      maxBytes: BigInt(maxBytes === undefined ? 0 : maxBytes - this.#givenBytes),
    })
    this.#call.send(toBinary(ConsumeStreamRequestSchema, request))
    this.#call.end()
  }

  #arrived(answers: AnswerReader, bytes: Uint8Array): void {
    try {
      const answer = this.#fresh(answers.read(bytes))
      this.#lastLoss = undefined
      this.#patience.restore()
      this.#queue.push({ ...answer, bytes: bytes.length })
      this.#queuedBytes += bytes.length
    } catch (error) {
      this.fail(toReeveError(error))
    }
    if (this.#queuedBytes > maxQueuedBytes && !this.#paused) {
      this.#paused = true
      this.#call?.pause()
    }
    this.#wake()
  }

  #fresh(answer: Answer): Answer {
    const repeats = this.#repeats
    if (!repeats) return answer
    const batches: ConsumedBatch[] = []
    for (const batch of answer.batches) {
      const fresh = repeats.fresh(batch)
      if (fresh !== batch) this.#dropped = true
      if (fresh) batches.push(fresh)
    }
    return { ...answer, batches }
  }

  #ended(live: Live, error: ReeveError | undefined): void {
    this.#call = undefined
    this.#paused = false
    if (error && isPassing(error) && !this.#finished) {
      this.#connections.failed(live.address)
      this.#lostServer = true
      this.#lastLoss = error
    } else if (!error && this.#dropped && !this.#finished && this.#limited) {
      // It may have ended at the limit: asked again, it gives the rest, or nothing.
      this.#dropped = false
      this.#lostServer = true
    } else {
      this.#failure ??= this.#finished ? undefined : error
      this.#finished = true
    }
    this.#wake()
  }
}

/** Another server goes on, or this one in a while: what is damaged there it gets back from its peers. */
function isPassing(error: ReeveError): boolean {
  return isUnavailable(error) || error.code === 'DATA_CORRUPT'
}
