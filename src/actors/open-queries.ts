/** The queries of ours whose answers somebody may still read: between the core's effects and `for await`. */

import type { Effect, QueryAnswer } from '../gossip/effects.ts'
import type { Query } from './serf-member.ts'

export class OpenQueries {
  readonly #forget: (lTime: bigint) => void
  readonly #open = new Map<bigint, AnswerQueue>()

  /** `forget`: nobody wants the answers to this query any more. */
  constructor(forget: (lTime: bigint) => void) {
    this.#forget = forget
  }

  add({ lTime, ...query }: Omit<Query, typeof Symbol.asyncIterator> & { readonly lTime: bigint }): Query {
    const queue = new AnswerQueue(() => {
      if (this.#open.delete(lTime)) this.#forget(lTime)
    })
    this.#open.set(lTime, queue)
    return { ...query, [Symbol.asyncIterator]: () => queue }
  }

  hear({ query, answer }: Extract<Effect, { kind: 'answer' }>): void {
    const queue = this.#open.get(query)
    if (answer) queue?.push(answer)
    else {
      this.#open.delete(query)
      queue?.end()
    }
  }

  close(): void {
    for (const queue of this.#open.values()) queue.end()
    this.#open.clear()
  }
}

class AnswerQueue implements AsyncIterator<QueryAnswer> {
  readonly #left: () => void
  readonly #answers: QueryAnswer[] = []
  readonly #readers: ((result: IteratorResult<QueryAnswer>) => void)[] = []
  #ended = false

  constructor(left: () => void) {
    this.#left = left
  }

  push(answer: QueryAnswer): void {
    const reader = this.#readers.shift()
    if (reader) reader({ done: false, value: answer })
    else this.#answers.push(answer)
  }

  end(): void {
    this.#ended = true
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined })
  }

  next(): Promise<IteratorResult<QueryAnswer>> {
    const answer = this.#answers.shift()
    if (answer) return Promise.resolve({ done: false, value: answer })
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  /** The loop was left early. */
  return(): Promise<IteratorResult<QueryAnswer>> {
    this.#answers.length = 0
    this.end()
    this.#left()
    return Promise.resolve({ done: true, value: undefined })
  }
}
