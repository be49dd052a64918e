/**
 * Writes records to one topic. Owns the batches on their way: gathered, queued, in flight. Sends a batch a second time
 * only when it is certain that the first time stored nothing; otherwise the records end with `OUTCOME_UNKNOWN`.
 */

import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import type { ClientCall, Timer } from '../env/env.ts'
import { type ErrorCode, ReeveError, toReeveError } from '../errors.ts'
import { LogService, ProduceStreamRequestSchema, ProduceStreamResponseSchema } from '../gen/reeve/v1/log_service_pb.ts'
import type { RecordSchema } from '../gen/reeve/v1/record_pb.ts'
import { decode, pathOf } from './call.ts'
import { type Connections, isUnavailable, type Live } from './connections.ts'
import { createPatience } from './patience.ts'
import { type OutgoingRecord, type RecordId, recordBytes, toWire } from './record.ts'
import { epochText } from './servers.ts'

export interface ProducerOptions {
  readonly topic: string
  /** Nodes that must have a record fsynced before it is acknowledged. Default 1. */
  readonly copies?: number
  /** How long a record waits for company. Default 2 ms. */
  readonly lingerMs?: number
  /** A batch is sent when it has this many bytes. Default 256 KiB. */
  readonly maxBatchBytes?: number
  /** Unacknowledged bytes at which `send` waits. Default 8 MiB. */
  readonly maxBufferedBytes?: number
  /**
   * How long the oldest record in flight may wait for its acknowledgement. Default 30 s. A server waits up to 20 s for
   * `copies`: with less than that, records whose copies are late end with `OUTCOME_UNKNOWN`, not `COPIES_PENDING`.
   */
  readonly ackTimeoutMs?: number
}

export interface Producer {
  /**
   * Resolves with the record's id once it is stored on as many nodes as asked. Rejects with `OUTCOME_UNKNOWN` when the
   * server was lost before its answer, `COPIES_PENDING` when it is stored but not on enough nodes yet, and with other
   * codes when it was refused: then nothing was stored.
   */
  send(record: OutgoingRecord): Promise<RecordId>
  /** Resolves when the buffer has room: await it before the next `send` when those are not awaited themselves. */
  ready(): Promise<void>
  /** Resolves when every record sent so far is acknowledged or refused. */
  flush(): Promise<void>
  /** Flushes, then ends the stream. */
  close(): Promise<void>
}

interface Waiter {
  readonly resolve: (id: RecordId) => void
  readonly reject: (error: ReeveError) => void
}

interface Batch {
  /** Resolves when it is acknowledged or refused. */
  readonly settled: Promise<void>
  readonly settle: () => void
  readonly records: MessageInitShape<typeof RecordSchema>[]
  readonly waiters: Waiter[]
  bytes: number
}

interface Stream extends Live {
  readonly call: ClientCall
  writable: boolean
  /** It took a batch. Before that one batch at a time is sent, so that a refusal leaves no doubt about others. */
  proven: boolean
}

/** They say that nothing was stored of what is not acknowledged: another server may take it. */
const nothingStored: ReadonlySet<ErrorCode> = new Set(['NODE_STARTING', 'NODE_STOPPING'])

export function createProducer(connections: Connections, options: ProducerOptions): Producer {
  const { clock } = connections
  const lingerMs = options.lingerMs ?? 2
  const maxBatchBytes = options.maxBatchBytes ?? 256 * 1024
  const maxBufferedBytes = options.maxBufferedBytes ?? 8 * 1024 * 1024
  const ackTimeoutMs = options.ackTimeoutMs ?? 30_000

  let gathering: Batch | undefined
  let queued: Batch[] = []
  let inFlight: Batch[] = []
  let bufferedBytes = 0
  let stream: Stream | undefined
  let opening = false
  let closing = false
  let lingering: Timer | undefined
  let ackDeadline: Timer | undefined
  const waitingForRoom: (() => void)[] = []
  let turn = Promise.resolve()
  let turnsTaken = 0
  let lastLoss: ReeveError | undefined
  const patience = createPatience(clock, connections.timeoutMs)

  function seal(): void {
    clock.clearTimeout(lingering)
    lingering = undefined
    if (gathering) queued.push(gathering)
    gathering = undefined
    pump()
  }

  function pump(): void {
    if (queued.length === 0) return
    if (!stream) {
      if (!opening) void open()
      return
    }
    while (stream?.writable && queued.length > 0 && (stream.proven || inFlight.length === 0)) {
      const batch = queued.shift()!
      inFlight.push(batch)
      stream.writable = stream.call.send(encodeBatch(batch))
    }
    if (inFlight.length > 0 && !ackDeadline) watchAcks()
  }

  function encodeBatch(batch: Batch): Uint8Array {
    const { topic, copies = 1 } = options
    const request = create(ProduceStreamRequestSchema, { topic, copies, batch: { records: batch.records } })
    return toBinary(ProduceStreamRequestSchema, request)
  }

  async function open(): Promise<void> {
    opening = true
    try {
      if (lastLoss) await patience.wait(lastLoss)
      const live = await connections.answering()
      const call = live.channel.call(
        pathOf(LogService.method.produceStream),
        {},
        {
          message: (bytes) => acknowledged(bytes),
          drained: () => {
            if (stream) stream.writable = true
            pump()
          },
          closed: (error) => lost(live, error),
        },
      )
      stream = { ...live, call, writable: true, proven: false }
    } catch (thrown) {
      // Nothing of what is queued was ever sent.
      const error = toReeveError(thrown)
      for (const batch of queued.splice(0)) fail(batch, error)
    } finally {
      opening = false
    }
    pump()
  }

  function acknowledged(bytes: Uint8Array): void {
    try {
      const ack = decode(ProduceStreamResponseSchema, bytes)
      const batch = inFlight[0]
      if (!batch || !ack.log || ack.recordCount !== batch.waiters.length) {
        throw new ReeveError('INTERNAL', 'the server acknowledged something else than what was sent')
      }
      const base = { origin: ack.log.origin, epoch: epochText(ack.log.epoch) }
      inFlight.shift()
      batch.waiters.forEach((waiter, index) => {
        waiter.resolve({ ...base, offset: Number(ack.baseOffset) + index })
      })
      lastLoss = undefined
      patience.restore()
      if (stream) stream.proven = true
      settled(batch)
    } catch {
      stream?.call.cancel()
    }
    clock.clearTimeout(ackDeadline)
    ackDeadline = undefined
    if (inFlight.length > 0) watchAcks()
    pump()
  }

  function watchAcks(): void {
    ackDeadline = clock.setTimeout(() => stream?.call.cancel(), ackTimeoutMs)
  }

  function lost(live: Live, error: ReeveError | undefined): void {
    stream = undefined
    clock.clearTimeout(ackDeadline)
    ackDeadline = undefined
    lastLoss = error
    const unsettled = inFlight
    inFlight = []
    if (error && isUnavailable(error)) connections.failed(live.address)
    if (error && nothingStored.has(error.code)) {
      queued = [...unsettled, ...queued]
    } else {
      unsettled.forEach((batch, index) => {
        fail(batch, index === 0 && error && isVerdict(error) ? error : outcomeUnknown(error))
      })
    }
    pump()
  }

  function fail(batch: Batch, error: ReeveError): void {
    for (const waiter of batch.waiters) waiter.reject(error)
    settled(batch)
  }

  function settled(batch: Batch): void {
    bufferedBytes -= batch.bytes
    if (bufferedBytes < maxBufferedBytes) for (const go of waitingForRoom.splice(0)) go()
    batch.settle()
  }

  function add(record: OutgoingRecord): Promise<RecordId> {
    return new Promise((resolve, reject) => {
      const bytes = recordBytes(record)
      if (gathering && gathering.bytes + bytes > maxBatchBytes) seal()
      gathering ??= newBatch()
      gathering.records.push(toWire(record, clock.now()))
      gathering.waiters.push({ resolve, reject })
      gathering.bytes += bytes
      bufferedBytes += bytes
      if (gathering.bytes >= maxBatchBytes) seal()
      else lingering ??= clock.setTimeout(seal, lingerMs)
    })
  }

  async function ready(): Promise<void> {
    while (bufferedBytes >= maxBufferedBytes) await new Promise<void>((resolve) => waitingForRoom.push(resolve))
  }

  async function flush(): Promise<void> {
    await turn
    seal()
    await Promise.all([...inFlight, ...queued].map((batch) => batch.settled))
  }

  return {
    send: async (record) => {
      if (closing) throw new ReeveError('CANCELLED', 'the producer is closed')
      if (turnsTaken > 0 || bufferedBytes >= maxBufferedBytes) {
        // One after the other, so that records keep the order in which they were sent.
        turnsTaken += 1
        turn = turn.then(ready)
        await turn
        turnsTaken -= 1
      }
      return add(record)
    },
    ready,
    flush,
    close: async () => {
      closing = true
      await flush()
      stream?.call.end()
    },
  }
}

function newBatch(): Batch {
  let settle: () => void = () => undefined
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { settled, settle, records: [], waiters: [], bytes: 0 }
}

/** The server judged the oldest batch in flight; a broken or cancelled stream judged nothing. */
function isVerdict(error: ReeveError): boolean {
  return !isUnavailable(error) && !['CANCELLED', 'INTERNAL', 'DEADLINE_EXCEEDED'].includes(error.code)
}

function outcomeUnknown(cause: ReeveError | undefined): ReeveError {
  const why = cause ? `: ${cause.message}` : ''
  return new ReeveError('OUTCOME_UNKNOWN', `the server was lost before it answered; stored or not is unknown${why}`, {
    cause,
  })
}
