/**
 * Batches of producers among the frames that a copy takes in. They are known from the moment they are accepted: a client
 * whose node goes away turns to another one at once, often before that has on its disk what was under way to it.
 */

import type { ArrivingMark } from './arriving.ts'
import type { Appended, LogView } from './log-view.ts'
import type { Producers, WaitingBatch } from './producers.ts'

class ArrivingBatch implements WaitingBatch {
  readonly #copy: LogView
  readonly #durable: Promise<void>
  readonly #arriving: ArrivingMark

  constructor(copy: LogView, arriving: ArrivingMark, durable: Promise<void>) {
    this.#copy = copy
    this.#arriving = arriving
    this.#durable = durable
  }

  get sequence(): number {
    return this.#arriving.mark.sequence
  }

  get recordCount(): number {
    return this.#arriving.mark.recordCount
  }

  get body(): Uint8Array {
    return this.#arriving.body
  }

  /** Made for who asks: mostly nobody does. */
  get done(): Promise<Appended> {
    const { baseOffset, recordCount, timestamp } = this.#arriving.mark
    const log = this.#copy.id
    const appended = { log, baseOffset, recordCount, endOffset: baseOffset + recordCount, timestamp }
    return this.#durable.then(() => appended)
  }
}

/**
 * Notes what arrives for a copy; `durable`: when it is on the disk. Returns what is to be called once that is decided, while
 * the frames are still as they came.
 */
export function noteArriving(
  producers: Producers,
  copy: LogView,
  marked: readonly ArrivingMark[],
  durable: Promise<void>,
): () => void {
  const { id } = copy
  const groups = new Map<string, ArrivingBatch[]>()
  for (const arriving of marked) {
    const { producer } = arriving.mark
    const batch = new ArrivingBatch(copy, arriving, durable)
    const group = groups.get(producer)
    if (group) group.push(batch)
    else groups.set(producer, [batch])
  }
  for (const [producer, batches] of groups) producers.arriving(id.topic, producer, batches)
  return () => {
    for (const { mark } of marked) {
      const { producer, ...batch } = mark
      // Of a group that failed, a part may have become visible.
      if (batch.baseOffset < copy.end) producers.add(id, producer, batch)
    }
    for (const [producer, batches] of groups) producers.arrived(id.topic, producer, batches)
  }
}
