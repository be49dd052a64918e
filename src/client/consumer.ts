/**
 * Reads one topic as an async iterable. Owns the stream to one server at a time and a bounded queue of what arrived;
 * after a loss it goes on at the next server, from the cursor of what it has, so that no record comes twice.
 */

import { create, toBinary } from '@bufbuild/protobuf'
import type { ClientCall } from '../env/env.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import {
  ConsumeStreamRequestSchema,
  type ConsumeStreamResponse,
  ConsumeStreamResponseSchema,
  LogService,
  StartAt,
} from '../gen/reeve/v1/log_service_pb.ts'
import { decode, pathOf } from './call.ts'
import { type Connections, isUnavailable, type Live } from './connections.ts'
import { createPatience } from './patience.ts'
import { type ConsumedRecord, timestampToMs } from './record.ts'
import { epochText } from './servers.ts'

export interface ConsumerOptions {
  readonly topic: string
  /** `start` (default): the oldest record there is; `end`: what is written from now on; or a cursor from any server. */
  readonly from?: 'start' | 'end' | Uint8Array
  /** Stay at the end and go on with what is written later. */
  readonly follow?: boolean
  /** Only what this node wrote. */
  readonly origin?: string
  /** End after this many records. */
  readonly maxRecords?: number
}

export interface Consumer extends AsyncIterable<ConsumedRecord> {
  /** Presented later to any server, it resumes behind the last answer whose records were all taken; empty before. */
  readonly cursor: Uint8Array
  /** Ends the iteration, also one that is waiting. */
  close(): void
}

/** Bytes that may wait in the queue before the server is asked to pause. */
const maxQueuedBytes = 4 * 1024 * 1024

interface Arrival {
  readonly response: ConsumeStreamResponse
  readonly bytes: number
}

export function createConsumer(connections: Connections, options: ConsumerOptions): Consumer {
  const start = options.from ?? 'start'
  let taken: Uint8Array = typeof start === 'string' ? new Uint8Array() : start
  let receivedRecords = 0
  let queue: Arrival[] = []
  let queuedBytes = 0
  let call: ClientCall | undefined
  let paused = false
  let finished = false
  let failure: ReeveError | undefined
  let lostServer = true
  let lastLoss: ReeveError | undefined
  const patience = createPatience(connections.clock, connections.timeoutMs)
  let wake: () => void = () => undefined
  let tellOver: () => void = () => undefined
  const over = new Promise<void>((resolve) => {
    tellOver = resolve
  })

  /** Only once everything that arrived was taken: `taken` is then where the next server goes on. */
  async function open(): Promise<void> {
    if (lastLoss) await patience.wait(lastLoss)
    const live = await connections.answering()
    if (finished) return
    lostServer = false
    call = live.channel.call(
      pathOf(LogService.method.consumeStream),
      {},
      { message: arrived, closed: (e) => ended(live, e) },
    )
    const { topic, origin = '', follow = false, maxRecords } = options
    const request = create(ConsumeStreamRequestSchema, {
      topic,
      origin,
      follow,
      cursor: taken,
      startAt: start === 'end' ? StartAt.END : StartAt.START,
      maxRecords: BigInt(maxRecords === undefined ? 0 : maxRecords - receivedRecords),
    })
    call.send(toBinary(ConsumeStreamRequestSchema, request))
    call.end()
  }

  function arrived(bytes: Uint8Array): void {
    try {
      const response = decode(ConsumeStreamResponseSchema, bytes)
      lastLoss = undefined
      patience.restore()
      receivedRecords += response.batches.reduce((count, batch) => count + (batch.batch?.records.length ?? 0), 0)
      queue.push({ response, bytes: bytes.length })
      queuedBytes += bytes.length
    } catch (error) {
      failure = toReeveError(error)
      finish()
    }
    if (queuedBytes > maxQueuedBytes && !paused) {
      paused = true
      call?.pause()
    }
    wake()
  }

  function ended(live: Live, error: ReeveError | undefined): void {
    call = undefined
    paused = false
    if (error && isUnavailable(error) && !finished) {
      connections.failed(live.address)
      lostServer = true
      lastLoss = error
    } else {
      failure ??= finished ? undefined : error
      finished = true
    }
    wake()
  }

  function finish(): void {
    finished = true
    call?.cancel()
    wake()
    tellOver()
  }

  async function* records(): AsyncGenerator<ConsumedRecord> {
    try {
      for (;;) {
        const arrival = queue.shift()
        if (arrival) {
          queuedBytes -= arrival.bytes
          if (paused && queuedBytes < maxQueuedBytes / 2) {
            paused = false
            call?.resume()
          }
          yield* recordsIn(arrival.response, options.topic)
          taken = arrival.response.cursor
        } else if (failure) throw failure
        else if (finished || enough()) return
        else if (lostServer) await Promise.race([open(), over])
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      queue = []
      finish()
    }
  }

  const enough = () => options.maxRecords !== undefined && receivedRecords >= options.maxRecords

  return {
    get cursor() {
      return taken
    },
    close: finish,
    [Symbol.asyncIterator]: records,
  }
}

function* recordsIn(response: ConsumeStreamResponse, topic: string): Generator<ConsumedRecord> {
  for (const batch of response.batches) {
    const { origin } = batch
    const epoch = epochText(batch.epoch)
    const timestampMs = timestampToMs(batch.timestamp)
    let offset = Number(batch.baseOffset)
    for (const { key, value, headers, timestampMs: produced } of batch.batch?.records ?? []) {
      yield {
        topic,
        origin,
        epoch,
        offset: offset++,
        timestampMs,
        producedMs: produced === 0n ? undefined : Number(produced),
        key,
        value,
        headers: headers.map((header) => [header.name, header.value] as const),
      }
    }
  }
}
