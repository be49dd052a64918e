/** One answer with what there is, or with the first that comes within the time the caller waits. */

import type { CallListener, Clock, RpcHandler, ServerCall, Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { ConsumeRequestSchema, StartAt } from '../gen/reeve/v1/log_service_pb.ts'
import type { Journal } from '../log/journal.ts'
import { parseNodeName, parseTopicName } from '../log/log-id.ts'
import type { Access } from './access.ts'
import type { Commits } from './commits.ts'
import { decodeCursor } from './cursor.ts'
import { waitLimitMs } from './deadline.ts'
import { encodeDelivery } from './delivery.ts'
import type { PhaseSource } from './phase.ts'
import { isClosing, nodeStopping } from './phase.ts'
import type { ReaderOptions } from './reader.ts'
import { TopicReader } from './reader.ts'
import { attempt, decode, oneMessage } from './typed.ts'

export interface ConsumeDeps {
  readonly journal: Journal
  readonly commits: Commits
  readonly access: Access
  readonly phase: PhaseSource
  readonly clock: Clock
}

/** The server's limit for one answer; every gRPC client takes 4 MiB. A single larger batch is delivered all the same. */
const responseBytesMax = 1024 * 1024
const waitMaxMs = 10 * 60 * 1000

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
  #reader: TopicReader | undefined
  #timer: Timer | undefined
  #unsubscribe: (() => void) | undefined
  /** The cursor came from a node that had more: the caller waits for this one to reach it, not for more. */
  #wasBehind = false
  #topic = ''
  #maxBytes = 0
  #maxRecords = 0

  constructor(call: ServerCall, deps: ConsumeDeps) {
    this.#call = call
    this.#deps = deps
  }

  begin(bytes: Uint8Array): void {
    const { journal, clock, phase } = this.#deps
    const request = decode(ConsumeRequestSchema, bytes)
    this.#topic = request.topic
    this.#maxBytes = Math.min(request.maxBytes || responseBytesMax, responseBytesMax)
    this.#maxRecords = request.maxRecords || Number.MAX_SAFE_INTEGER
    const waitMs = waitLimitMs(this.#call.remainingMs(), Math.min(request.waitMs, waitMaxMs))
    const start = readingStart(request, this.#call, this.#deps)
    if (waitMs === 0 && journal.topicLogs(request.topic).length === 0) throw topicUnknown(request.topic)
    const reader = new TopicReader({
      ...start,
      journal,
      commits: this.#deps.commits,
      woken: () => this.#over(() => this.#enough(reader) && this.#answer(reader)),
    })
    this.#reader = reader
    this.#wasBehind = reader.behind
    this.#over(() => {
      if (waitMs === 0 || (reader.ready && !reader.behind)) return this.#answer(reader)
      this.#timer = clock.setTimeout(() => this.#over(() => this.#answer(reader)), waitMs)
      this.#unsubscribe = phase.onChange((now) => {
        if (isClosing(now)) this.#finish(nodeStopping())
      })
    })
  }

  close(): void {
    this.#reader?.close()
    this.#reader = undefined
    this.#deps.clock.clearTimeout(this.#timer)
    this.#unsubscribe?.()
  }

  /** A caller whose cursor this node has not reached is held until it has: that is what it waits for. */
  #enough(reader: TopicReader): boolean {
    return !reader.behind && (reader.ready || this.#wasBehind)
  }

  #answer(reader: TopicReader): void {
    if (!reader.ready && this.#deps.journal.topicLogs(this.#topic).length === 0) throw topicUnknown(this.#topic)
    const { runs } = reader.next(this.#maxBytes, this.#maxRecords)
    this.#call.send(encodeDelivery(runs, reader.cursor(), reader.atEnd))
    this.#finish()
  }

  #finish(error?: ReeveError): void {
    this.close()
    this.#call.finish(error)
  }

  /** Runs a step; what it throws ends the call and lets go of everything. */
  #over(step: () => void): void {
    attempt(this.#call, () => {
      try {
        step()
      } catch (error) {
        this.close()
        throw error
      }
    })
  }
}

/** What both kinds of consume requests say about where to begin. Throws typed errors for what is not allowed. */
export function readingStart(
  request: { readonly topic: string; readonly cursor: Uint8Array; readonly startAt: StartAt; readonly origin: string },
  call: ServerCall,
  deps: ConsumeDeps,
): Pick<ReaderOptions, 'topic' | 'origin' | 'positions' | 'startAt'> {
  const { topic, cursor, origin } = request
  const name = parseTopicName(topic)
  if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
  deps.access.require(deps.access.subjectOf(call.caller), 'consume', topic)
  if (origin !== '') {
    const node = parseNodeName(origin)
    if (!node.ok) throw new ReeveError('NODE_NAME_INVALID', node.problem)
  }
  if (request.startAt < StartAt.UNSPECIFIED || request.startAt > StartAt.END) {
    throw new ReeveError('REQUEST_MALFORMED', `start_at ${request.startAt} has no meaning`)
  }
  return {
    topic,
    origin: origin === '' ? undefined : origin,
    positions: cursor.length === 0 ? undefined : decodeCursor(cursor, topic),
    startAt: request.startAt === StartAt.END ? 'end' : 'start',
  }
}

export function topicUnknown(topic: string): ReeveError {
  return new ReeveError('TOPIC_UNKNOWN', `topic ${topic} is unknown here`, { facts: { topic } })
}
