/**
 * Records that come twice: a producer that fails over to another node may have one stored in two logs, under the same
 * sequence. Knows which sequences of each producer were had from which log, and drops them when they come from another.
 */

import { ConsumedBatch } from './consumed-batch.ts'

/** Sequences from one log without a gap. */
interface Stretch {
  readonly origin: string
  readonly epoch: string
  readonly from: number
  to: number
}

/** The ones that were read last. A producer has one stretch for each log it wrote to, and one more for each gap. */
const producersMax = 10_000
const stretchesMax = 32

export class Repeats {
  /** By producer; who was heard of last comes last. */
  readonly #producers = new Map<string, Stretch[]>()
  readonly #producersMax: number

  constructor(max = producersMax) {
    this.#producersMax = max
  }

  /** The batch without what was had from another log; undefined where nothing is left of it. */
  fresh(batch: ConsumedBatch): ConsumedBatch | undefined {
    const producer = ConsumedBatch.producerOf(batch)
    if (!producer) return batch
    const { sequence } = producer
    const end = sequence + ConsumedBatch.spanOf(batch) + 1
    const stretches = this.#stretchesOf(producer.key)
    let left: ConsumedBatch | undefined = batch
    for (const stretch of stretches) {
      if (isOf(stretch, batch) || stretch.to <= sequence || stretch.from >= end) continue
      if (stretch.from <= sequence && stretch.to >= end) {
        left = undefined
        break
      }
      left = ConsumedBatch.where(left, (delta) => sequence + delta < stretch.from || sequence + delta >= stretch.to)
    }
    note(stretches, batch, sequence, end)
    return left && (left === batch || left.bytes > 0) ? left : undefined
  }

  #stretchesOf(producer: string): Stretch[] {
    const known = this.#producers.get(producer) ?? []
    this.#producers.delete(producer)
    this.#producers.set(producer, known)
    if (this.#producers.size > this.#producersMax) {
      const { value } = this.#producers.keys().next()
      this.#producers.delete(value as string)
    }
    return known
  }
}

function isOf(stretch: Stretch, { origin, epoch }: ConsumedBatch): boolean {
  return stretch.origin === origin && stretch.epoch === epoch
}

function note(stretches: Stretch[], batch: ConsumedBatch, from: number, to: number): void {
  for (const stretch of stretches) {
    if (!isOf(stretch, batch) || from > stretch.to || from < stretch.from) continue
    stretch.to = Math.max(stretch.to, to)
    return
  }
  stretches.push({ origin: batch.origin, epoch: batch.epoch, from, to })
  if (stretches.length > stretchesMax) stretches.shift()
}
