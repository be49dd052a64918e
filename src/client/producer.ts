/**
 * Writes records to one topic. Owns the batches until they are sent: gathers records into them, holds back who sends too
 * much at a time, gives each batch its place in the producer's sequence. That stays whatever happens: a batch that is sent
 * again, to the same or another server, is known there by it.
 */

import type { Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import type { Connections } from './connections.ts'
import { Outbox } from './outbox.ts'
import { ProducedBatch, type RequestHead } from './produced-batch.ts'
import type { OutgoingRecord, RecordId, RecordRun } from './record.ts'
import { type Job, WaitingForRoom } from './room.ts'
import { beginSending, isTracing, type Sending } from './tracing.ts'

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
   * Unacknowledged records, but for those of `sendAll`, at which `send` waits. Default 20,000: each has a promise, and more
   * of them than fit a young heap cost several times as much.
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
   * with `UNAVAILABLE` where the record was never sent, or only to nodes that started or stopped and did not take it. Rejects with `COPIES_PENDING` when it is stored but not on enough
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

const allCopies = 0xffff_ffff
const producerIdBytes = 16
/** To begin with; a batch takes a little more room than the last one had. */
const capacityBytesMin = 1024
const isReady = Promise.resolve()

export function createProducer(connections: Connections, options: ProducerOptions): Producer {
  const { clock } = connections
  const lingerMs = options.lingerMs ?? 2
  const maxBatchBytes = options.maxBatchBytes ?? 256 * 1024
  const maxBufferedBytes = options.maxBufferedBytes ?? 8 * 1024 * 1024
  const maxBufferedRecords = options.maxBufferedRecords ?? 20_000
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
  const queued: ProducedBatch[] = []
  let bufferedBytes = 0
  let bufferedRecords = 0
  let closing = false
  let lingering = false
  let lingerTimer: Timer | undefined
  const room = new WaitingForRoom(hasRoom)
  const outbox = new Outbox({
    connections,
    ackTimeoutMs: options.ackTimeoutMs ?? 30_000,
    take() {
      // Only now: what can not go yet goes on gathering, up to its size.
      if (due && queued.length === 0) seal()
      return queued.shift()
    },
    hasMore: () => due || queued.length > 0,
    settled(batch) {
      bufferedBytes -= batch.bytes
      bufferedRecords -= batch.awaited
      room.work()
    },
  })

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
    outbox.pump()
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

  function nowMs(): number {
    return Math.max(0, Math.trunc(clock.now()))
  }

  /** Throws where it is no record. Returns the batch that has it as its last one. */
  function gather(record: OutgoingRecord, producedMs: number): ProducedBatch {
    let batch = gathering ?? new ProducedBatch(head, capacityBytes)
    const before = batch.bytes
    batch.write(record, producedMs)
    gathering = batch
    bufferedBytes += batch.bytes - before
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
    if (queued.length > 0) outbox.pump()
  }

  function add(record: OutgoingRecord): Promise<RecordId> {
    const promise = gather(record, nowMs()).forLast()
    bufferedRecords++
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
      const producedMs = nowMs()
      try {
        while (hasRoom()) {
          const next = refused ? records.return?.() : records.next()
          if (!next || next.done) {
            done(runs)
            return true
          }
          const batch = gather(next.value, producedMs)
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
      outbox.pump()
    }
    sendRest()
    if (!room.isOpen) await turn()
    sendRest()
    const waiting = [...outbox.pending, ...queued, ...(gathering ? [gathering] : [])]
    await Promise.all(waiting.map((batch) => batch.settled))
  }

  const traces = isTracing()
  /** Whoever calls is in the context that the records are to carry; later, when there is room, nobody is. */
  const sending = (): Sending | undefined => (traces ? beginSending(options.topic) : undefined)

  const closed = () => Promise.reject(new ReeveError('CANCELLED', 'the producer is closed'))

  function send(record: OutgoingRecord): Promise<RecordId> {
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
  }

  async function sendAll(records: Iterable<OutgoingRecord>): Promise<RecordRun[]> {
    const runs = new Promise<Promise<RecordRun>[]>((resolve, reject) => {
      room.add(addingAll(records[Symbol.iterator](), resolve, reject))
    })
    return Promise.all(await runs)
  }

  return {
    send(record) {
      if (closing) return closed()
      const traced = sending()
      return traced ? traced.over(send(traced.mark(record))) : send(record)
    },
    sendAll(records) {
      if (closing) return closed()
      const traced = sending()
      return traced ? traced.over(sendAll(marked(records, traced))) : sendAll(records)
    },
    ready: () => (room.isOpen ? isReady : turn()),
    flush,
    close: async () => {
      closing = true
      await flush()
      outbox.end()
    },
  }
}

function* marked(records: Iterable<OutgoingRecord>, { mark }: Sending): Iterable<OutgoingRecord> {
  for (const record of records) yield mark(record)
}
