/** Parts of logs that are damaged here, on their way from one peer: asked for one by one, handed on as they come. */

import { ReeveError } from '../errors.ts'
import { type Refusal, RefusalReason } from '../gen/reeve/v1/replication_service_pb.ts'
import type { LogId } from '../log/log-id.ts'
import type { Missing } from '../log/mend.ts'
import { type encodePullRequest, logIdToMessage, offsetFrom } from '../replication/pull-messages.ts'

interface Range {
  readonly until: number
  /** Resolves with the first offset that is still missing. */
  readonly take: (frames: Uint8Array) => Promise<number>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** Frames are taken one after the other. */
  turn: Promise<void>
}

export class PullRanges {
  readonly #send: (kind: Parameters<typeof encodePullRequest>[0]) => void
  readonly #ranges = new Map<number, Range>()

  constructor(send: (kind: Parameters<typeof encodePullRequest>[0]) => void) {
    this.#send = send
  }

  /** See `Donor.fetch`. */
  fetch(ref: number, id: LogId, { offset, chain, until }: Missing, take: Range['take']): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ranges.set(ref, { until, take, resolve, reject, turn: Promise.resolve() })
      const place = { offset: BigInt(offset), chain: chain ?? 0n, until: BigInt(until) }
      this.#send({ case: 'want', value: { ref, log: logIdToMessage(id), ...place } })
    })
  }

  has(ref: number): boolean {
    return this.#ranges.has(ref)
  }

  /** Resolves once nothing holds the frames any more. Never rejects. */
  frames(ref: number, frames: Uint8Array): Promise<void> {
    const range = this.#ranges.get(ref) as Range
    range.turn = range.turn.then(async () => {
      try {
        if (!this.#ranges.has(ref) || (await range.take(frames)) < range.until) return
        range.resolve()
        this.#ranges.delete(ref)
      } catch (error) {
        range.reject(error)
        if (this.#ranges.delete(ref)) this.#send({ case: 'unwant', value: { ref } })
      }
    })
    return range.turn
  }

  refused({ ref, reason, start }: Refusal): void {
    let why = new ReeveError('UNAVAILABLE', 'it has not got that')
    if (reason === RefusalReason.CORRUPT) why = new ReeveError('DATA_CORRUPT', 'its copy is damaged there, too')
    if (reason === RefusalReason.TRIMMED) {
      why = new ReeveError('OFFSET_TRIMMED', 'it has trimmed that', { facts: { start: String(offsetFrom(start)) } })
    }
    this.#ranges.get(ref)?.reject(why)
    this.#ranges.delete(ref)
  }

  close(): void {
    for (const { reject } of this.#ranges.values()) reject(new ReeveError('UNAVAILABLE', 'the connection is gone'))
    this.#ranges.clear()
  }
}
