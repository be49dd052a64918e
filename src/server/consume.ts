/** One answer with what there is, or with the first that comes within the time the caller waits. */

import type { Cursors } from '../catalog/cursors.ts'
import type { Declarations } from '../catalog/declarations.ts'
import type { CallListener, Clock, RpcHandler, ServerCall, Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { ConsumeRequestSchema } from '../gen/reeve/v1/log_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import type { Access } from './access.ts'
import { CatchUp, placeToReach } from './catch-up.ts'
import type { Commits } from './commits.ts'
import { waitLimitMs } from './deadline.ts'
import { encodeDelivery } from './delivery.ts'
import type { PhaseSource } from './phase.ts'
import { isClosing, nodeStopping } from './phase.ts'
import { TopicReader } from './reader.ts'
import { readingStart } from './reading-start.ts'
import { attempt, decode, oneMessage } from './typed.ts'

export interface ConsumeDeps {
  readonly journal: Journal
  readonly commits: Commits
  readonly declarations: Declarations
  readonly cursors: Pick<Cursors, 'get'>
  readonly access: Access
  readonly phase: PhaseSource
  readonly clock: Clock
  /** Told of the records of each answer, and of their bytes as they are stored. */
  readonly consumed?: ((records: number, bytes: number) => void) | undefined
}

/** The server's limit for one answer; every gRPC client takes 4 MiB. A single larger record is delivered all the same. */
const responseBytesMax = 1024 * 1024
const waitMaxMs = 10 * 60 * 1000
/** What a caller with a filter who does not wait has looked through before it is told to go on with the cursor. */
const searchMaxBytes = 32 * 1024 * 1024

export function consume(deps: ConsumeDeps): RpcHandler {
  return (call) => {
    const answer = new Answer(call, deps)
    return {
      ...oneMessage(call, (bytes) => answer.begin(bytes)),
      cancelled: () => answer.close(),
    } satisfies CallListener
  }
}

class Answer {
  readonly #call: ServerCall
  readonly #deps: ConsumeDeps
  #catchUp: CatchUp | undefined
  #reader: TopicReader | undefined
  #timer: Timer | undefined
  /** Set while the next step waits for its turn. */
  #pause: Timer | undefined
  #unsubscribe: (() => void) | undefined
  /** The cursor came from a node that had more: the caller waits for this one to reach it, not for more. */
  #wasBehind = false
  /** The caller's time is not over. */
  #waiting = false
  #searched = 0
  #topic = ''
  #maxBytes = 0
  #maxRecords = 0

  constructor(call: ServerCall, deps: ConsumeDeps) {
    this.#call = call
    this.#deps = deps
  }

  begin(bytes: Uint8Array): void {
    const { clock, phase } = this.#deps
    const request = decode(ConsumeRequestSchema, bytes)
    this.#topic = request.topic
    this.#maxBytes = Math.min(request.maxBytes || responseBytesMax, responseBytesMax)
    this.#maxRecords = request.maxRecords || Number.MAX_SAFE_INTEGER
    const waitMs = waitLimitMs(this.#call.remainingMs(), Math.min(request.waitMs, waitMaxMs))
    const start = readingStart(request, this.#call, this.#deps)
    const place = placeToReach(request.waitFor, request.topic)
    this.#unsubscribe = phase.onChange((now) => {
      if (isClosing(now)) this.#finish(nodeStopping())
    })
    if (waitMs > 0) {
      this.#waiting = true
      this.#timer = clock.setTimeout(() => {
        this.#waiting = false
        this.#step()
      }, waitMs)
    }
    this.#catchUp = new CatchUp(this.#deps, request.topic, {
      reached: () => this.#over(() => this.#open(start)),
      late: (error) => this.#finish(error),
    })
    this.#catchUp.begin(place, waitMs)
  }

  #open(start: ReturnType<typeof readingStart>): void {
    const { journal, commits, declarations } = this.#deps
    if (!this.#waiting && journal.topicLogs(this.#topic).length === 0) throw topicUnknown(this.#topic)
    this.#reader = new TopicReader({ ...start, journal, commits, declarations, woken: () => this.#step() })
    this.#wasBehind = this.#reader.behind
    this.#step()
  }

  close(): void {
    this.#catchUp?.close()
    this.#reader?.close()
    this.#reader = undefined
    this.#deps.clock.clearTimeout(this.#timer)
    this.#deps.clock.clearTimeout(this.#pause)
    this.#pause = undefined
    this.#unsubscribe?.()
  }

  #step(): void {
    const reader = this.#reader
    if (reader && this.#pause === undefined) this.#over(() => this.#read(reader))
  }

  /** What this throws ends the call and lets go of everything. */
  #over(work: () => void): void {
    attempt(this.#call, () => {
      try {
        work()
      } catch (error) {
        this.close()
        throw error
      }
    })
  }

  #read(reader: TopicReader): void {
    // A caller whose cursor this node has not reached is held until it has: that is what it waits for.
    if (this.#waiting && (reader.behind || !(reader.ready || this.#wasBehind))) return
    if (reader.fetching && !reader.ready) return
    if (!reader.ready && this.#deps.journal.topicLogs(this.#topic).length === 0) throw topicUnknown(this.#topic)
    const { runs, searched, records, bytes } = reader.next({
      maxBytes: this.#maxBytes,
      cutBytes: this.#maxBytes,
      maxRecords: this.#maxRecords,
    })
    this.#searched += searched
    const mayGoOn = runs.length === 0 && (this.#waiting || this.#searched < searchMaxBytes)
    if (mayGoOn && reader.ready) this.#continueLater()
    else if (mayGoOn && reader.fetching) return
    else if (runs.length > 0 || !this.#waiting || this.#wasBehind) {
      this.#deps.consumed?.(records, bytes)
      this.#call.send(encodeDelivery(runs, reader.cursor(), reader.atEnd))
      this.#finish()
    }
  }

  #continueLater(): void {
    this.#pause = this.#deps.clock.setTimeout(() => {
      this.#pause = undefined
      this.#step()
    }, 0)
  }

  #finish(error?: ReeveError): void {
    this.close()
    this.#call.finish(error)
  }
}

export function topicUnknown(topic: string): ReeveError {
  return new ReeveError('TOPIC_UNKNOWN', `topic ${topic} is unknown here`, { facts: { topic } })
}
