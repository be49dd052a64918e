/**
 * Writes records to one topic. Owns the batches on their way: gathered, queued, in flight. A batch keeps its place in the
 * producer's sequence, whatever happens: after a lost connection it is sent again, to the same or another server, and
 * servers know it by that place. Never sends again what was acknowledged or refused.
 */

import type { ClientCall, Timer } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import { LogService, ProduceStreamResponseSchema } from '../gen/reeve/v1/log_service_pb.ts'
import { decode, pathOf } from './call.ts'
import { type Connections, isUnavailable, type Live } from './connections.ts'
import { createPatience } from './patience.ts'
import { ProducedBatch, type RequestHead } from './produced-batch.ts'
import type { OutgoingRecord, RecordId, RecordRun } from './record.ts'
import { type Job, WaitingForRoom } from './room.ts'
import { epochText } from './servers.ts'

export interface ProducerOptions {
  readonly topic: string
  /** Nodes that must have a record fsynced before it is acknowledged; `all`: those that are known then. Default 1. */
  readonly copies?: number | 'all'
  /** How long a record waits for company. Default 2 ms; 0: for what is sent in the same turn. */
  readonly lingerMs?: number
  /** A batch is sent when it has this many bytes. Default 256 KiB. */
  readonly maxBatchBytes?: number
  /** Unacknowledged bytes at which `send` waits. Default 8 MiB. */
  readonly maxBufferedBytes?: number
  /**
   * Unacknowledged records at which `send` waits. Default 20,000: each waits with a promise, and many more of them than
   * fit a young heap cost several times as much.
   */
  readonly maxBufferedRecords?: number
  /**
   * How long one server may take to acknowledge the oldest record in flight; then it is given up like one that was lost.
   * Default 30 s: a server waits up to 20 s for `copies`.
   */
  readonly ackTimeoutMs?: number
}

export interface Producer {
  /**
   * Resolves with the record's id once it is stored on as many nodes as asked. While servers are lost and found it goes
   * on trying, for as long as the client's `timeoutMs` without any progress; then it rejects with `OUTCOME_UNKNOWN`, or
   * with `UNAVAILABLE` where the record was never sent. Rejects with `COPIES_PENDING` when it is stored but not on enough
   * nodes yet, and with other codes when it was refused: then nothing was stored.
   */
  send(record: OutgoingRecord): Promise<RecordId>
  /**
   * The same for many records, with one promise for all: where they lie, run by run, in their order. Waits for room by
   * itself. Rejects as `send` does, with the first error; other records of the call may be stored then.
   */
  sendAll(records: Iterable<OutgoingRecord>): Promise<RecordRun[]>
  /** Resolves when the buffer has room: await it before the next `send` when those are not awaited themselves. */
  ready(): Promise<void>
  /** Resolves when every record sent so far is acknowledged or refused. */
  flush(): Promise<void>
  /** Flushes, then ends the stream. */
  close(): Promise<void>
}

interface Stream extends Live {
  readonly call: ClientCall
  writable: boolean
  /** Nothing was sent on it. */
  fresh: boolean
}

const allCopies = 0xffff_ffff
const producerIdBytes = 16
/** Batches in flight: less than a server remembers of a producer (64), so that it knows each when it comes again. */
const inFlightMax = 32
/** To begin with; a batch takes a little more room than the last one had. */
const capacityBytesMin = 1024
const isReady = Promise.resolve()

export function createProducer(connections: Connections, options: ProducerOptions): Producer {
  const { clock } = connections
  const lingerMs = options.lingerMs ?? 2
  const maxBatchBytes = options.maxBatchBytes ?? 256 * 1024
  const maxBufferedBytes = options.maxBufferedBytes ?? 8 * 1024 * 1024
  const maxBufferedRecords = options.maxBufferedRecords ?? 20_000
  const ackTimeoutMs = options.ackTimeoutMs ?? 30_000
  const head: RequestHead = {
    topic: new TextEncoder().encode(options.topic),
    copies: options.copies === 'all' ? allCopies : (options.copies ?? 1),
    producerId: connections.random.bytes(producerIdBytes),
  }

  let gathering: ProducedBatch | undefined
  /** What is gathered has waited long enough. */
  let due = false
  let capacityBytes = capacityBytesMin
  let nextSequence = 0
  let queued: ProducedBatch[] = []
  let inFlight: ProducedBatch[] = []
  let bufferedBytes = 0
  let bufferedRecords = 0
  let stream: Stream | undefined
  let opening = false
  let closing = false
  let lingering = false
  let lingerTimer: Timer | undefined
  let ackDeadline: Timer | undefined
  const room = new WaitingForRoom(hasRoom)
  let lastLoss: ReeveError | undefined
  const patience = createPatience(clock, connections.timeoutMs)

  function hasRoom(): boolean {
    return bufferedBytes < maxBufferedBytes && bufferedRecords < maxBufferedRecords
  }

  function linger(): void {
    lingering = true
    if (lingerMs > 0) lingerTimer = clock.setTimeout(waitedEnough, lingerMs)
    else queueMicrotask(waitedEnough)
  }

  function waitedEnough(): void {
    lingering = false
    due = gathering !== undefined
    pump()
  }

  function seal(): void {
    if (!gathering) return
    if (lingerMs > 0) {
      clock.clearTimeout(lingerTimer)
      lingering = false
    }
    due = false
    gathering.sequence = nextSequence
    nextSequence += gathering.count
    capacityBytes = Math.max(capacityBytesMin, Math.ceil(1.25 * gathering.bytes))
    queued.push(gathering)
    gathering = undefined
  }

  function pump(): void {
    if (!stream) {
      if (!opening && (due || queued.length > 0)) void open()
      return
    }
    while (stream.writable && inFlight.length < inFlightMax) {
      // Only now: what can not go yet goes on gathering, up to its size.
      if (due && queued.length === 0) seal()
      const batch = queued.shift()
      if (!batch) break
      inFlight.push(batch)
      const request = batch.request(stream.fresh)
      stream.fresh = false
      stream.writable = stream.call.send(request)
    }
    if (inFlight.length > 0 && !ackDeadline) watchAcks()
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
      stream = { ...live, call, writable: true, fresh: true }
    } catch (thrown) {
      const error = toReeveError(thrown)
      if (due) seal()
      for (const batch of queued.splice(0)) fail(batch, batch.sends > 0 ? outcomeUnknown(error) : error)
    } finally {
      opening = false
    }
    pump()
  }

  function acknowledged(bytes: Uint8Array): void {
    try {
      const ack = decode(ProduceStreamResponseSchema, bytes)
      const batch = inFlight[0]
      if (!batch || !ack.log || ack.recordCount !== batch.count) {
        throw new ReeveError('INTERNAL', 'the server acknowledged something else than what was sent')
      }
      const epoch = epochText(ack.log.epoch)
      inFlight.shift()
      progress()
      settled(batch)
      batch.acknowledged({ origin: ack.log.origin, epoch, baseOffset: Number(ack.baseOffset) })
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

  function progress(): void {
    lastLoss = undefined
    patience.restore()
  }

  function lost(live: Live, error = new ReeveError('UNAVAILABLE', 'the server ended the stream')): void {
    stream = undefined
    clock.clearTimeout(ackDeadline)
    ackDeadline = undefined
    lastLoss = error
    if (!isVerdict(error)) connections.failed(live.address)
    else {
      progress()
      // What a server no longer remembers, it may have stored when it was sent before.
      const batch = inFlight.shift()
      const forgotten = error.code === 'PRODUCER_OUT_OF_ORDER' && batch && batch.sends > 1
      if (batch) fail(batch, forgotten ? outcomeUnknown(error) : error)
    }
    queued = [...inFlight, ...queued]
    inFlight = []
    pump()
  }

  function fail(batch: ProducedBatch, error: ReeveError): void {
    settled(batch)
    batch.fail(error)
  }

  function settled(batch: ProducedBatch): void {
    bufferedBytes -= batch.bytes
    bufferedRecords -= batch.count
    room.work()
  }

  /** Throws where it is no record. Returns the batch that has it as its last one. */
  function gather(record: OutgoingRecord): ProducedBatch {
    let batch = gathering ?? new ProducedBatch(head, capacityBytes)
    const before = batch.bytes
    batch.write(record, Math.max(0, Math.trunc(clock.now())))
    gathering = batch
    bufferedBytes += batch.bytes - before
    bufferedRecords++
    if (batch.bytes > maxBatchBytes && batch.count > 1) {
      const next = new ProducedBatch(head, capacityBytes)
      batch.moveLast(next)
      seal()
      gathering = next
      batch = next
    }
    return batch
  }

  /** Sends what is enough, lets the rest linger. */
  function gathered(): void {
    if ((gathering as ProducedBatch).bytes >= maxBatchBytes) seal()
    else if (!lingering && !due) linger()
    if (queued.length > 0) pump()
  }

  function add(record: OutgoingRecord): Promise<RecordId> {
    const promise = gather(record).forLast()
    gathered()
    return promise
  }

  /** Of many records as many as there is room for, at a time. */
  function addingAll(
    records: Iterator<OutgoingRecord>,
    done: (runs: Promise<RecordRun>[]) => void,
    failed: (error: unknown) => void,
  ): Job {
    const runs: Promise<RecordRun>[] = []
    let last: ProducedBatch | undefined
    let refused = false
    return () => {
      try {
        while (hasRoom()) {
          const next = refused ? records.return?.() : records.next()
          if (!next || next.done) {
            done(runs)
            return true
          }
          const batch = gather(next.value)
          if (batch === last) batch.grow()
          else {
            const run = batch.forGroup()
            run.catch(() => {
              refused = true
            })
            runs.push(run)
            last = batch
          }
          gathered()
        }
        return false
      } catch (error) {
        failed(error)
        return true
      }
    }
  }

  /** Resolves when what was sent before has its place in a batch, and there is room for more. */
  function turn(): Promise<void> {
    return new Promise((resolve) => {
      room.add(() => {
        resolve()
        return true
      })
    })
  }

  async function flush(): Promise<void> {
    const sendRest = () => {
      due = gathering !== undefined
      pump()
    }
    sendRest()
    if (!room.isOpen) await turn()
    sendRest()
    const waiting = [...inFlight, ...queued, ...(gathering ? [gathering] : [])]
    await Promise.all(waiting.map((batch) => batch.settled))
  }

  const closed = () => Promise.reject(new ReeveError('CANCELLED', 'the producer is closed'))

  return {
    send(record) {
      if (closing) return closed()
      try {
        if (room.isOpen) return add(record)
      } catch (error) {
        return Promise.reject(error)
      }
      return new Promise((resolve, reject) => {
        room.add(() => {
          try {
            resolve(add(record))
          } catch (error) {
            reject(error)
          }
          return true
        })
      })
    },
    async sendAll(records) {
      if (closing) return closed()
      const runs = new Promise<Promise<RecordRun>[]>((resolve, reject) => {
        room.add(addingAll(records[Symbol.iterator](), resolve, reject))
      })
      return Promise.all(await runs)
    },
    ready: () => (room.isOpen ? isReady : turn()),
    flush,
    close: async () => {
      closing = true
      await flush()
      stream?.call.end()
    },
  }
}

/** The server judged the oldest batch in flight; a broken or cancelled stream judged nothing. */
function isVerdict(error: ReeveError): boolean {
  return !isUnavailable(error) && !['CANCELLED', 'INTERNAL', 'DEADLINE_EXCEEDED'].includes(error.code)
}

function outcomeUnknown(cause: ReeveError): ReeveError {
  const why = `: ${cause.message}`
  return new ReeveError('OUTCOME_UNKNOWN', `no server has answered for it; stored or not is unknown${why}`, { cause })
}
