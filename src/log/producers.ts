/**
 * Which batches of which producers this node has, so that one that comes again is known: by topic and producer, over
 * all logs, whoever wrote them. Pure: compares no contents, knows no disk.
 *
 * Owns: the latest batches of each producer, those that still wait for their commit included.
 * Never: grows beyond its bounds; forgets what waits. What it has forgotten, it takes for new.
 */

import { ReeveError } from '../errors.ts'
import { type ProducerMark, producerIdBytes } from './frame.ts'
import type { Appended } from './journal.ts'
import type { LogId } from './log-id.ts'

/** What a producer says of a batch. `producer` in what follows is `producerKey` of its id. */
export interface Claim extends ProducerMark {
  /** What is missing before it will not come here: it was refused, or is on another node. */
  readonly skips: boolean
}

/** A batch in a log of this node. */
export interface MarkedBatch {
  readonly sequence: number
  readonly recordCount: number
  readonly baseOffset: number
  readonly timestamp: bigint
}

export interface StoredBatch extends MarkedBatch {
  readonly log: LogId
}

/** A batch on its way to the disk: of this run, or of a copy. */
export interface WaitingBatch {
  readonly sequence: number
  readonly recordCount: number
  readonly body: Uint8Array
  readonly done: Promise<Appended>
}

/** Of one producer, those with the highest sequences are remembered: more than a client has under way at a time. */
export const batchesOfProducerMax = 64
/** Of all producers together; the producers that were quiet for longest are forgotten first. About 10 MB. */
export const batchesMax = 65_536
/** After its last batch, by hybrid time, a producer is forgotten. */
export const rememberedMs = 24 * 60 * 60 * 1000

interface Known {
  /** Ascending by sequence; one sequence may lie in several logs. */
  stored: StoredBatch[]
  waiting: WaitingBatch[]
  /** Those of copies, each list as it arrived at once. */
  arriving: readonly (readonly WaitingBatch[])[]
  /** The sequence behind the last one in this run's own log; undefined: it has none. */
  ownEnd: number | undefined
  /** The sequence behind the last one anywhere. */
  end: number
  lastMs: number
}

export class Producers {
  readonly #epoch: string
  readonly #nowMs: () => number
  readonly #batchesMax: number
  /** By producer and topic; who was heard of last comes last. */
  readonly #producers = new Map<string, Known>()
  #count = 0

  /** `epoch`: of this run; its logs are the node's own. */
  constructor(epoch: string, nowMs: () => number, max = batchesMax) {
    this.#epoch = epoch
    this.#nowMs = nowMs
    this.#batchesMax = max
  }

  /** Batches remembered. */
  get size(): number {
    return this.#count
  }

  /**
   * The batches that this one repeats, if its content is theirs; empty: it is the next one. The first sequence of a
   * producer that is not known may be any.
   *
   * Throws `PRODUCER_CONFLICT` (other records have these sequences) or `PRODUCER_OUT_OF_ORDER` (facts: expected).
   */
  judge(topic: string, producer: string, claim: Claim, recordCount: number): readonly (StoredBatch | WaitingBatch)[] {
    const known = this.#find(producer + topic)
    if (!known) return nothing
    const { sequence } = claim
    if (sequence === known.end) return nothing
    const end = sequence + recordCount
    const again: (StoredBatch | WaitingBatch)[] = []
    for (const batches of [known.waiting, known.stored, ...known.arriving]) {
      for (const batch of batches) {
        const batchEnd = batch.sequence + batch.recordCount
        if (batch.sequence === sequence && batchEnd === end) again.push(batch)
        else if (batch.sequence < end && sequence < batchEnd) throw conflict(sequence, recordCount)
      }
    }
    if (again.length > 0) return again
    const begun = known.ownEnd !== undefined || known.waiting.length > 0
    if (sequence < known.end || (begun && !claim.skips)) throw outOfOrder(sequence, known.end)
    return nothing
  }

  /** It is on its way to this run's own log: call `appended` or `waited` with it later. */
  appending(topic: string, producer: string, batch: WaitingBatch): void {
    const known = this.#touch(producer + topic)
    known.waiting.push(batch)
    known.end = Math.max(known.end, batch.sequence + batch.recordCount)
  }

  appended(producer: string, batch: WaitingBatch, { log, baseOffset, timestamp }: Appended): void {
    const { sequence, recordCount } = batch
    this.add(log, producer, { sequence, recordCount, baseOffset, timestamp })
    this.waited(log.topic, producer, batch)
  }

  /** A copy is about to have these, ascending: call `arrived` with the list later. */
  arriving(topic: string, producer: string, batches: readonly WaitingBatch[]): void {
    const known = this.#touch(producer + topic)
    known.arriving = [...known.arriving, batches]
    known.end = Math.max(known.end, endOf(batches.at(-1)))
  }

  /** They are on the disk, or will not be. */
  arrived(topic: string, producer: string, batches: readonly WaitingBatch[]): void {
    const known = this.#producers.get(producer + topic)
    if (!known) return
    known.arriving = known.arriving.length > 1 ? known.arriving.filter((other) => other !== batches) : nothing
    this.#settle(producer + topic, known)
  }

  /** It waits no more. */
  waited(topic: string, producer: string, batch: WaitingBatch): void {
    const known = this.#producers.get(producer + topic)
    if (!known) return
    if (known.waiting[0] === batch) known.waiting.shift()
    else known.waiting = known.waiting.filter((other) => other !== batch)
    this.#settle(producer + topic, known)
  }

  /** A log of this node has this batch. */
  add(log: LogId, producer: string, batch: MarkedBatch): void {
    const atMs = Number(batch.timestamp >> 16n)
    if (this.#isOver(atMs)) return
    const known = this.#touch(producer + log.topic)
    const { stored } = known
    let place = stored.length
    while (place > 0 && (stored[place - 1] as StoredBatch).sequence > batch.sequence) place--
    const { sequence, recordCount, baseOffset, timestamp } = batch
    stored.splice(place, 0, { log, sequence, recordCount, baseOffset, timestamp })
    this.#count++
    if (stored.length > batchesOfProducerMax) {
      stored.shift()
      this.#count--
    }
    known.lastMs = Math.max(known.lastMs, atMs)
    known.end = Math.max(known.end, sequence + recordCount)
    if (log.epoch === this.#epoch) known.ownEnd = Math.max(known.ownEnd ?? 0, sequence + recordCount)
    this.#trim()
  }

  /** The node no longer has what it remembers of this producer. */
  forget(topic: string, producer: string): void {
    const known = this.#producers.get(producer + topic)
    if (!known) return
    this.#count -= known.stored.length
    known.stored = []
    known.ownEnd = undefined
    this.#settle(producer + topic, known)
  }

  /** Less is known than before. */
  #settle(key: string, known: Known): void {
    if (isIdle(known) && known.stored.length === 0) this.#producers.delete(key)
    else known.end = Math.max(known.ownEnd ?? 0, endOf(known.stored.at(-1)), endUnderWay(known))
  }

  #find(key: string): Known | undefined {
    const known = this.#producers.get(key)
    if (known && isIdle(known) && this.#isOver(known.lastMs)) {
      this.#remove(key, known)
      return undefined
    }
    return known
  }

  #touch(key: string): Known {
    const known = this.#find(key) ?? {
      stored: [],
      waiting: [],
      arriving: nothing,
      ownEnd: undefined,
      end: 0,
      lastMs: 0,
    }
    this.#producers.delete(key)
    this.#producers.set(key, known)
    return known
  }

  /** From the quietest on: what is too much, and what is too old. */
  #trim(): void {
    for (const [key, known] of this.#producers) {
      if (this.#count <= this.#batchesMax && !this.#isOver(known.lastMs)) return
      if (isIdle(known)) this.#remove(key, known)
      else if (this.#count <= this.#batchesMax) return
    }
  }

  #remove(key: string, known: Known): void {
    this.#count -= known.stored.length
    this.#producers.delete(key)
  }

  #isOver(atMs: number): boolean {
    return atMs < this.#nowMs() - rememberedMs
  }
}

const nothing: readonly [] = []

function endOf(batch: { sequence: number; recordCount: number } | undefined): number {
  return batch ? batch.sequence + batch.recordCount : 0
}

/** Copies of several logs arrive in any order. */
function endUnderWay({ waiting, arriving }: Known): number {
  return arriving.reduce((end, batches) => Math.max(end, endOf(batches.at(-1))), endOf(waiting.at(-1)))
}

function isIdle({ waiting, arriving }: Known): boolean {
  return waiting.length === 0 && arriving.length === 0
}

/**
 * A producer's id as text that is quick to make and to compare, and small to keep: two bytes a character. All have one
 * length, so that key and topic together name one producer of one topic.
 */
export function producerKey(id: Uint8Array): string {
  const view = new DataView(id.buffer, id.byteOffset, producerIdBytes)
  const unit = (n: number) => view.getUint16(2 * n)
  return String.fromCharCode(unit(0), unit(1), unit(2), unit(3), unit(4), unit(5), unit(6), unit(7))
}

function outOfOrder(sequence: number, expected: number): ReeveError {
  return new ReeveError('PRODUCER_OUT_OF_ORDER', `sequence ${sequence} of this producer, ${expected} comes next`, {
    facts: { sequence: String(sequence), expected: String(expected) },
  })
}

export function conflict(sequence: number, recordCount: number): ReeveError {
  const last = sequence + recordCount - 1
  return new ReeveError(
    'PRODUCER_CONFLICT',
    `sequences ${sequence} to ${last} of this producer: it wrote others there`,
    {
      facts: { sequence: String(sequence), records: String(recordCount) },
    },
  )
}
