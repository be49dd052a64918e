/** The logs that are wanted of one peer, by the number that names each on the stream. Owns those numbers. */

import type { LogId } from '../log/log-id.ts'
import type { LogView } from '../log/log-view.ts'
import { type encodePullRequest, logIdToMessage } from '../replication/pull-messages.ts'

export interface Wanted {
  readonly ref: number
  readonly id: LogId
  readonly key: string
}

type Send = (kind: Parameters<typeof encodePullRequest>[0]) => void
type Copy = Pick<LogView, 'start' | 'end' | 'chain'>

export class PullWants {
  readonly #send: Send
  readonly #copyOf: (id: LogId) => Copy | undefined
  readonly #byRef = new Map<number, Wanted>()
  readonly #byKey = new Map<string, Wanted>()
  #nextRef = 1

  constructor(send: Send, copyOf: (id: LogId) => Copy | undefined) {
    this.#send = send
    this.#copyOf = copyOf
  }

  get size(): number {
    return this.#byKey.size
  }

  at(ref: number): Wanted | undefined {
    return this.#byRef.get(ref)
  }

  of(key: string): Wanted | undefined {
    return this.#byKey.get(key)
  }

  /** For whatever else is asked for on this stream. */
  nextRef(): number {
    return this.#nextRef++
  }

  /** From the end of our copy on. */
  add(key: string, id: LogId): void {
    const wanted = { ref: this.nextRef(), id, key }
    this.#byRef.set(wanted.ref, wanted)
    this.#byKey.set(key, wanted)
    const { start, end, chain } = this.#copyOf(id) ?? { start: 0, end: 0, chain: 0n }
    const place = { offset: BigInt(end), chain: chain ?? 0n, start: BigInt(start) }
    this.#send({ case: 'want', value: { ref: wanted.ref, log: logIdToMessage(id), ...place } })
  }

  drop(wanted: Wanted): void {
    this.forget(wanted)
    this.#send({ case: 'unwant', value: { ref: wanted.ref } })
  }

  /** The peer has let go of it by itself. */
  forget({ ref, key }: Wanted): void {
    this.#byRef.delete(ref)
    this.#byKey.delete(key)
  }
}
