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
  readonly resolve: (run: RecordRun) => void
  readonly reject: (error: ReeveError) => void
}

// One function for all promises, not a closure each.
let resolveNext: (id: RecordId) => void
let rejectNext: (error: ReeveError) => void
const takeOut = (resolve: (id: RecordId) => void, reject: (error: ReeveError) => void): void => {
  resolveNext = resolve
  rejectNext = reject
}

export class ProducedBatch {
  /** Resolves when it is acknowledged or refused. */
  readonly settled: Promise<void>
  /** Of its first record; given when it is complete. */
  sequence = 0
  /** How often it was sent. */
  sends = 0
  #settle: () => void = () => {}
  readonly #head: RequestHead
  readonly #headBytes: number
  readonly #writer: BatchWriter
  /** Of the records that were sent one by one: where in the batch, and whom to tell. */
  readonly #places: number[] = []
  readonly #resolves: ((id: RecordId) => void)[] = []
  readonly #rejects: ((error: ReeveError) => void)[] = []
  readonly #groups: Group[] = []

  constructor(head: RequestHead, capacityBytes: number) {
    this.#head = head
    this.#headBytes = head.topic.length + head.producerId.length + numbersBytesMax
    this.#writer = new BatchWriter(this.#headBytes, capacityBytes)
    this.settled = new Promise((resolve) => {
      this.#settle = resolve
    })
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

  /** For the record written last. */
  forLast(): Promise<RecordId> {
    const promise = new Promise<RecordId>(takeOut)
    this.#places.push(this.#writer.count - 1)
    this.#resolves.push(resolveNext)
    this.#rejects.push(rejectNext)
    return promise
  }

  /** For the record written last, and those that `grow` adds: one call's, one behind the other. */
  forGroup(): Promise<RecordRun> {
    return new Promise((resolve, reject) => {
      this.#groups.push({ first: this.#writer.count - 1, count: 1, resolve, reject })
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
    if (this.sends++ === 0) {
      const whole = this.#writer.withHead
      whole.set(head, this.#headBytes - head.length)
      return whole.subarray(this.#headBytes - head.length)
    }
    const request = new Uint8Array(head.length + this.bytes)
    request.set(head)
    request.set(this.#writer.batch, head.length)
    return request
  }

  acknowledged(origin: string, epoch: string, baseOffset: number): void {
    for (let n = 0; n < this.#places.length; n++) {
      this.#resolves[n]!({ origin, epoch, offset: baseOffset + this.#places[n]! })
    }
    for (const { first, count, resolve } of this.#groups) resolve({ origin, epoch, offset: baseOffset + first, count })
    this.#settle()
  }

  fail(error: ReeveError): void {
    for (const reject of this.#rejects) reject(error)
    for (const { reject } of this.#groups) reject(error)
    this.#settle()
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
