/**
 * One topic as an async iterable, record by record or batch by batch: what the caller takes, in which order, and when that
 * is over. Where it comes from is the reading's business.
 */

import { ReeveError } from '../errors.ts'
import type { Connections } from './connections.ts'
import type { BatchRecords, ConsumedBatch } from './consumed-batch.ts'
import type { ConsumerOptions } from './consumer-options.ts'
import { CursorKeeper } from './cursor-keeper.ts'
import { Reading } from './reading.ts'
import type { ConsumedRecord } from './record.ts'

export interface Consumer extends AsyncIterable<ConsumedRecord> {
  /** Presented later to any server, it resumes behind the last answer whose records were all taken; empty before. */
  readonly cursor: Uint8Array
  /**
   * The same records, batch by batch: for many small ones several times as fast, for nothing is awaited between them. A
   * batch counts as taken when the next one is asked for.
   */
  batches(): AsyncIterableIterator<ConsumedBatch>
  /**
   * Moves the cursor of `cursorName` behind everything that was taken, the record (or batch) in your hands included.
   * Resolves once that is durable on one node. Rejects with `CONFIG_INVALID` where the consumer has no such name.
   */
  commit(): Promise<void>
  /** Ends the iteration, also one that is waiting. */
  close(): void
}

/** Throws `CONFIG_INVALID` where the options make no sense. */
export function createConsumer(connections: Connections, options: ConsumerOptions): Consumer {
  const { topic, cursorName, autoCommit = true } = options
  const reading = new Reading(connections, options)
  if (cursorName !== undefined) {
    reading.keeper = new CursorKeeper({
      ...{ connections, topic, name: cursorName, auto: autoCommit },
      standing: (withInHand) => reading.standing(withInHand),
      failed: (error) => reading.fail(error),
    })
  }
  return {
    get cursor() {
      return reading.taken
    },
    batches: () => new Batches(reading),
    commit: async () => {
      if (!reading.keeper) throw new ReeveError('CONFIG_INVALID', 'consumer: commit needs a cursorName')
      await reading.keeper.commit(reading.standing(true))
    },
    close: () => reading.finish(),
    [Symbol.asyncIterator]: () => new Records(reading),
  }
}

/** What both ways of taking share: one step after the other, however they are asked for, and an end that lasts. */
abstract class Steps<T> implements AsyncIterableIterator<T> {
  protected readonly reading: Reading
  /** Asks that were not answered at once, and the last of them. */
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()
  #over = false

  constructor(reading: Reading) {
    this.reading = reading
  }

  /** The next one, if it is here. */
  protected abstract take(): T | undefined

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0 && !this.#over) {
      try {
        const value = this.take()
        if (value !== undefined) return Promise.resolve({ done: false, value })
      } catch (error) {
        return Promise.reject(this.#end(error))
      }
    }
    return this.#later()
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#end()
    await this.reading.keeper?.end()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #later(): Promise<IteratorResult<T, undefined>> {
    const wait = () => this.#wait()
    const step = this.#waiting++ === 0 ? wait() : this.#last.then(wait, wait)
    this.#last = step
    return step
  }

  async #wait(): Promise<IteratorResult<T, undefined>> {
    try {
      while (!this.#over) {
        const value = this.take()
        if (value !== undefined) return { done: false, value }
        if (await this.reading.arrival()) continue
        this.#end()
        await this.reading.keeper?.end()
      }
    } catch (error) {
      this.#end()
      // What was taken before is to count; what ended it is what the caller has to know.
      await this.reading.keeper?.end().catch(() => undefined)
      throw error
    } finally {
      // Before the caller hears of it: what it asks next is answered at once.
      this.#waiting--
    }
    return { done: true, value: undefined }
  }

  #end(error?: unknown): unknown {
    this.#over = true
    this.reading.abandon()
    return error
  }
}

class Batches extends Steps<ConsumedBatch> {
  protected take(): ConsumedBatch | undefined {
    return this.reading.take()
  }
}

class Records extends Steps<ConsumedRecord> {
  #records: BatchRecords | undefined

  protected take(): ConsumedRecord | undefined {
    for (;;) {
      const record = this.#records?.take()
      if (record) {
        this.reading.inHand = record
        return record
      }
      const batch = this.reading.take()
      if (!batch) return undefined
      this.#records = batch[Symbol.iterator]()
    }
  }
}
