/** A batch on its way: its bytes, its place in the producer's sequence, and who waits for what becomes of it. */

import type { ReeveError } from '../errors.ts'
import { writeField, writeVarint, writeVarintField } from '../wire.ts'
import { BatchWriter } from './batch-writer.ts'
import type { OutgoingRecord, RecordId, RecordRun } from './record.ts'

/** What is the same in every request of a producer. */
export interface RequestHead {
  readonly topic: Uint8Array
  readonly copies: number
  readonly producerId: Uint8Array
}

/** Besides topic and id: tags, their lengths, copies, sequence, skips, and the tag and length of the batch. */
const numbersBytesMax = 48

/** Records of one call, from `first` on. */
interface Group {
  readonly first: number
  count: number
}

/** Where the batch lies. */
export interface Place {
  readonly origin: string
  readonly epoch: string
  readonly baseOffset: number
}

export class ProducedBatch {
  /** Resolves when it is acknowledged or refused. */
  readonly settled: Promise<unknown>
  /** Of its first record; given when it is complete. */
  sequence = 0
  /** A server was lost that had been sent it: it may have stored it. */
  doubtful = false
  /** Records with a promise of their own. */
  awaited = 0
  #sent = false
  readonly #head: RequestHead
  readonly #headBytes: number
  readonly #writer: BatchWriter
  readonly #stored: Promise<Place>
  #resolve!: (place: Place) => void
  #reject!: (error: ReeveError) => void
  readonly #groups: Group[] = []
  /** What the records are told that were sent one by one, in their order: how far that has come. */
  #toldRecords = 0
  #passedGroups = 0

  constructor(head: RequestHead, capacityBytes: number) {
    this.#head = head
    this.#headBytes = head.topic.length + head.producerId.length + numbersBytesMax
    this.#writer = new BatchWriter(this.#headBytes, capacityBytes)
    this.#stored = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.settled = this.#stored.catch(() => undefined)
  }

  get count(): number {
    return this.#writer.count
  }

  /** Of the records alone. */
  get bytes(): number {
    return this.#writer.length
  }

  /** Throws where it is no record. */
  write(record: OutgoingRecord, producedMs: number): void {
    this.#writer.add(record, producedMs)
  }

  /** The last record goes to another batch; nobody waits for it yet. */
  moveLast(to: ProducedBatch): void {
    to.#writer.append(this.#writer.takeLast())
  }

  /**
   * For the record written last. A promise that follows another is the smallest there is: thousands wait at a time. They
   * are told in the order in which they were made, so that one function knows for each which record it is for.
   */
  forLast(): Promise<RecordId> {
    this.awaited++
    return this.#stored.then(this.#tellNext)
  }

  /** For the record written last, and those that `grow` adds: one call's, one behind the other. */
  forGroup(): Promise<RecordRun> {
    const group = { first: this.#writer.count - 1, count: 1 }
    this.#groups.push(group)
    return this.#stored.then(({ origin, epoch, baseOffset }) => {
      return { origin, epoch, offset: baseOffset + group.first, count: group.count }
    })
  }

  /** The record written last belongs to the last group. */
  grow(): void {
    ;(this.#groups.at(-1) as Group).count++
  }

  /** The request; the first of a stream says for whom, and that what is missing before it will not come. */
  request(first: boolean): Uint8Array {
    const head = this.#encodeHead(first)
    // In place the first time. What was sent before may still lie with the transport.
    if (!this.#sent) {
      this.#sent = true
      const whole = this.#writer.withHead
      whole.set(head, this.#headBytes - head.length)
      return whole.subarray(this.#headBytes - head.length)
    }
    const request = new Uint8Array(head.length + this.bytes)
    request.set(head)
    request.set(this.#writer.batch, head.length)
    return request
  }

  acknowledged(place: Place): void {
    this.#resolve(place)
  }

  fail(error: ReeveError): void {
    this.#reject(error)
  }

  readonly #tellNext = ({ origin, epoch, baseOffset }: Place): RecordId => {
    for (let next = this.#groups[this.#passedGroups]; next?.first === this.#toldRecords; ) {
      this.#toldRecords += next.count
      next = this.#groups[++this.#passedGroups]
    }
    return { origin, epoch, offset: baseOffset + this.#toldRecords++ }
  }

  #encodeHead(first: boolean): Uint8Array {
    const { topic, copies, producerId } = this.#head
    const head = new Uint8Array(this.#headBytes)
    let at = first ? writeField(head, 0, 1, topic) : 0
    at = writeVarintField(head, at, 3, copies)
    if (first) at = writeField(head, at, 4, producerId)
    at = writeVarintField(head, at, 5, this.sequence)
    if (first) at = writeVarintField(head, at, 6, 1)
    head[at++] = (2 << 3) | 2
    return head.subarray(0, writeVarint(head, at, this.bytes))
  }
}
