/**
 * Keeps a named cursor where its consumer is. Owns the commits: one under way at a time, and the newest of those that were
 * asked for meanwhile after it.
 */

import type { Timer } from '../env/env.ts'
import { type ReeveError, toReeveError } from '../errors.ts'
import { LogService } from '../gen/reeve/v1/log_service_pb.ts'
import type { Connections } from './connections.ts'

/** How long what was taken stays uncommitted. */
const autoCommitMs = 1_000

/** How far a consumer is: behind everything that `cursor` stands for, and in some logs further. */
export interface Standing {
  readonly cursor: Uint8Array
  readonly positions: readonly { readonly origin: string; readonly epoch: Uint8Array; readonly offset: bigint }[]
}

export interface CursorKeeperOptions {
  readonly connections: Connections
  readonly topic: string
  readonly name: string
  readonly auto: boolean
  /** Where the consumer is, with or without what it has in its hands. */
  readonly standing: (withInHand: boolean) => Standing
  /** A commit that nobody waits for was refused. */
  readonly failed: (error: ReeveError) => void
}

export class CursorKeeper {
  readonly #options: CursorKeeperOptions
  #timer: Timer | undefined
  #committed = ''
  #underWay: Promise<void> | undefined
  #next: { standing: Standing; readonly done: Promise<void> } | undefined

  constructor(options: CursorKeeperOptions) {
    this.#options = options
  }

  /** Something was taken. */
  taken(): void {
    const { auto, connections, standing, failed } = this.#options
    if (!auto || this.#timer !== undefined) return
    this.#timer = connections.clock.setTimeout(() => {
      this.#timer = undefined
      this.commit(standing(false)).catch((thrown) => {
        const error = toReeveError(thrown)
        // What may pass is tried again, with what is taken by then.
        if (error.retry) this.taken()
        else failed(error)
      })
    }, autoCommitMs)
  }

  /** Nothing more will be taken. */
  async end(): Promise<void> {
    const { auto, connections, standing } = this.#options
    connections.clock.clearTimeout(this.#timer)
    this.#timer = undefined
    if (auto) await this.commit(standing(false))
  }

  /** Resolves when it, or more, is durable on one node. */
  commit(standing: Standing): Promise<void> {
    if (this.#next) {
      this.#next.standing = standing
      return this.#next.done
    }
    if (!this.#underWay) return this.#send(standing)
    const done = this.#underWay
      .catch(() => undefined)
      .then(() => {
        const { standing: newest } = this.#next as { standing: Standing }
        this.#next = undefined
        return this.#send(newest)
      })
    this.#next = { standing, done }
    return done
  }

  #send(standing: Standing): Promise<void> {
    const text = textOf(standing)
    if (text === this.#committed) return Promise.resolve()
    const { connections, topic, name } = this.#options
    const sent = connections
      .ask(LogService.method.commitCursor, { topic, name, cursor: standing.cursor, positions: [...standing.positions] })
      .then(() => {
        this.#committed = text
      })
    const over = () => {
      if (this.#underWay === sent) this.#underWay = undefined
    }
    this.#underWay = sent
    sent.then(over, over)
    return sent
  }
}

/** Equal standings have equal texts; where nothing was taken there is nothing to commit. */
function textOf({ cursor, positions }: Standing): string {
  const parts = positions.map(({ origin, epoch, offset }) => `${origin} ${epoch} ${offset}`)
  return cursor.length === 0 && parts.length === 0 ? '' : [cursor.join(), ...parts].join('\n')
}
