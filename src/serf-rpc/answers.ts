import type { QueryAnswer } from '../actors/serf-member.ts'
import type { ReeveError } from '../errors.ts'

/** Answers between whoever hears them and a loop that reads them; kept until then. */
export class Answers implements AsyncIterator<QueryAnswer> {
  readonly #left: () => void
  #waiting: QueryAnswer[] = []
  #reader: { resolve(result: IteratorResult<QueryAnswer>): void; reject(error: ReeveError): void } | undefined
  #ended: { readonly error: ReeveError | undefined } | undefined

  /** `left`: called once when the loop ends early. */
  constructor(left: () => void) {
    this.#left = left
  }

  push(answer: QueryAnswer): void {
    if (this.#ended) return
    if (this.#reader) this.#reader.resolve({ done: false, value: answer })
    else this.#waiting.push(answer)
    this.#reader = undefined
  }

  /** With an error the loop throws it, behind the answers there are. */
  end(error?: ReeveError): void {
    if (this.#ended) return
    this.#ended = { error }
    if (!this.#reader) return
    if (error) this.#reader.reject(error)
    else this.#reader.resolve({ done: true, value: undefined })
  }

  next(): Promise<IteratorResult<QueryAnswer>> {
    return new Promise((resolve, reject) => {
      const value = this.#waiting.shift()
      if (value) resolve({ done: false, value })
      else if (this.#ended?.error) reject(this.#ended.error)
      else if (this.#ended) resolve({ done: true, value: undefined })
      else this.#reader = { resolve, reject }
    })
  }

  async return(): Promise<IteratorResult<QueryAnswer>> {
    const early = !this.#ended
    this.#waiting = []
    this.end()
    if (early) this.#left()
    return { done: true, value: undefined }
  }
}
