/**
 * One batch into this node's log. What unary and streamed produces share is `createAppender`; the rest of this file is
 * the unary method.
 */

import type { RpcHandler, ServerCall } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import type { BatchLimits } from '../log/batch.ts'
import { checkBatch } from '../log/batch.ts'
import type { Appended, Journal, Placed } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import { parseTopicName } from '../log/log-id.ts'
import type { Access } from './access.ts'
import { type Acks, Waits } from './acks.ts'
import { waitLimitMs } from './deadline.ts'
import { claimOf, isPlain, type ProduceCommand, parseProduceRequest } from './produce-request.ts'
import type { DurabilitySetting } from './produce-response.ts'
import { encodeLogId, encodeProduceResponse, frameProduceResponses } from './produce-response.ts'
import { oneMessage } from './typed.ts'

export interface ProduceDeps {
  readonly journal: Journal
  readonly access: Access
  readonly acks: Acks
  readonly limits: (topic: string) => BatchLimits
  readonly durability: DurabilitySetting
  /** Reeve nodes that are members, alive or failed, this one included: the most copies there could ever be. */
  readonly knownNodes: () => number
  /** How long to wait for copies where the caller sets no deadline. */
  readonly copiesWaitMs: number
  /** Told of each promise of being durable, once or more; absent: nothing is measured. */
  readonly timed?: ((durable: Promise<unknown>) => void) | undefined
}

/** `copies` of a request: as many nodes as are known. */
export const allCopies = 0xffff_ffff

/** One batch of one caller. */
export interface AppendOrder extends ProduceCommand {
  readonly subject: string
  readonly remainingMs: () => number | undefined
  /** Of the call; ended with it. */
  readonly waits: Waits
}

export interface Appender {
  /** To be told of each promise of being durable that `place` brings. */
  readonly timed: ((durable: Promise<unknown>) => void) | undefined
  /** For a batch of nobody in particular that needs no copies: gives it its place. Throws: nothing was written. */
  place(subject: string, topic: string, batch: Uint8Array): Placed
  /** The encoded ProduceResponses of what became durable here, framed one behind the other. */
  answers(placed: readonly Placed[]): Uint8Array
  /** The encoded ProduceResponse of what became durable here. */
  answer(placed: Appended): Uint8Array
  /** Resolves with the encoded ProduceResponse. Throws or rejects with a typed error; thrown: nothing was written. */
  append(order: AppendOrder): Promise<Uint8Array>
}

export function createAppender(deps: ProduceDeps): Appender {
  const { journal, access, acks, limits, durability, knownNodes, copiesWaitMs } = deps
  const encodeId = rememberLast(encodeLogId)
  let validName: string | undefined

  function check(subject: string, topic: string, batch: Uint8Array): number {
    if (topic !== validName) {
      const name = parseTopicName(topic)
      if (!name.ok) throw new ReeveError('TOPIC_NAME_INVALID', name.problem)
      validName = topic
    }
    access.require(subject, 'produce', topic)
    return checkBatch(batch, limits(topic))
  }

  const answer = (appended: Appended) => encodeProduceResponse(encodeId(appended.log), appended, 1, durability)
  return {
    timed: deps.timed,
    place: (subject, topic, batch) => journal.place(topic, batch, check(subject, topic, batch)),
    answer,
    answers: (placed) => frameProduceResponses(encodeId, placed, durability),
    append(order) {
      const { topic, batch } = order
      const recordCount = check(order.subject, topic, batch)
      const claim = claimOf(order, recordCount)
      const known = order.copies > 1 ? knownNodes() : 1
      const copies = order.copies === allCopies ? known : order.copies
      if (copies > known) {
        throw new ReeveError(
          'COPIES_IMPOSSIBLE',
          `${copies} copies asked for, but ${known} ${known === 1 ? 'node is' : 'nodes are'} known`,
          {
            facts: { wanted: String(copies), known: String(known) },
          },
        )
      }
      const appending = journal.append(topic, batch, recordCount, claim)
      deps.timed?.(appending)
      if (copies <= 1) return appending.then(answer)
      return appending.then(async (appended) => {
        const limitMs = waitLimitMs(order.remainingMs(), copiesWaitMs)
        const count = await acks.waitFor(appended.log, appended.endOffset, copies, limitMs, order.waits)
        if (count < copies) throw copiesPending(appended, count, copies)
        return encodeProduceResponse(encodeId(appended.log), appended, count, durability)
      })
    },
  }
}

export function produce(deps: ProduceDeps): RpcHandler {
  const appender = createAppender(deps)
  const plain = new PlainCalls(appender)
  return (call) => {
    const waits = new Waits()
    const listener = oneMessage(call, (bytes) => {
      const subject = deps.access.subjectOf(call.caller)
      const command = parseProduceRequest(bytes)
      if (isPlain(command)) {
        plain.add(call, appender.place(subject, command.topic, command.batch))
        return
      }
      appender.append({ ...command, subject, remainingMs: () => call.remainingMs(), waits }).then(
        (answer) => {
          call.send(answer)
          call.finish()
        },
        (error) => call.finish(toReeveError(error)),
      )
    })
    return { ...listener, cancelled: () => waits.end() }
  }
}

interface Waiting {
  readonly call: ServerCall
  readonly placed: Placed
}

/** Calls of nobody in particular: those whose batches go to the disk together are answered in one loop. */
class PlainCalls {
  readonly #appender: Appender
  #durable: Promise<void> | undefined
  #waiting: Waiting[] = []

  constructor(appender: Appender) {
    this.#appender = appender
  }

  add(call: ServerCall, placed: Placed): void {
    const { durable } = placed
    if (durable !== this.#durable) this.#begin(durable)
    this.#waiting.push({ call, placed })
  }

  #begin(durable: Promise<void>): void {
    this.#durable = durable
    this.#appender.timed?.(durable)
    const waiting: Waiting[] = []
    this.#waiting = waiting
    durable.then(
      () => {
        for (const { call, placed } of waiting) {
          call.send(this.#appender.answer(placed))
          call.finish()
        }
        waiting.length = 0
      },
      (error) => {
        for (const { call } of waiting) call.finish(toReeveError(error))
        waiting.length = 0
      },
    )
  }
}

function copiesPending(appended: Appended, count: number, wanted: number): ReeveError {
  const { log, baseOffset, recordCount } = appended
  return new ReeveError(
    'COPIES_PENDING',
    `stored at ${log.topic}/${log.origin}/${log.epoch}/${baseOffset} with ${count} of ${wanted} copies so far`,
    {
      facts: {
        topic: log.topic,
        origin: log.origin,
        epoch: log.epoch,
        offset: String(baseOffset),
        records: String(recordCount),
        copies: String(count),
        wanted: String(wanted),
      },
    },
  )
}

/** Most appends of one caller go to one log: its encoded id is made once. */
function rememberLast(encode: (id: LogId) => Uint8Array): (id: LogId) => Uint8Array {
  let last: LogId | undefined
  let encoded: Uint8Array = new Uint8Array(0)
  return (id) => {
    if (last === undefined || id.topic !== last.topic || id.origin !== last.origin || id.epoch !== last.epoch) {
      last = id
      encoded = encode(id)
    }
    return encoded
  }
}
