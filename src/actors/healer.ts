/**
 * Gets what is damaged here back from peers, one segment at a time: asks those that are connected, one after the other,
 * the log's own writer first. What nobody has stays damaged, is said once, and is tried again when somebody else appears
 * and now and then.
 */

import { type Clock, DiskError, type Timer } from '../env/env.ts'
import { ReeveError, toReeveError } from '../errors.ts'
import type { Journal } from '../log/journal.ts'
import type { LogId } from '../log/log-id.ts'
import type { Mending, Missing } from '../log/mend.ts'
import type { Damage } from '../log/soundness.ts'

/** A peer that may have what is missing. */
export interface Donor {
  readonly peer: string
  /**
   * Gives the frames as they come to `take`, which resolves with the first offset that is still missing. Resolves once
   * all that is `missing` came; rejects where the peer cannot help (`OFFSET_TRIMMED` with its start, `DATA_CORRUPT`,
   * `UNAVAILABLE`), or with what `take` rejects with.
   */
  fetch(id: LogId, missing: Missing, take: (frames: Uint8Array) => Promise<number>): Promise<void>
}

/** Between two attempts at what nobody could help with. */
const retryMs = 60_000
/** So long somebody may turn up who has what the others have trimmed. */
const settleAfterMs = 30_000

export class Healer {
  readonly #clock: Clock
  readonly #donors = new Map<string, Donor>()
  readonly #queue = new Set<Damage>()
  /** What nobody could help with, and what was said of it. */
  readonly #unhealed = new Map<Damage, { readonly message: string; readonly sinceMs: number }>()
  #journal: Journal | undefined
  #unsubscribe: () => void = () => {}
  #working: Promise<void> | undefined
  #timer: Timer | undefined
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  start(journal: Journal): void {
    this.#journal = journal
    this.#unsubscribe = journal.soundness.onFound((damage) => this.#add(damage))
    for (const damage of journal.soundness.damages()) this.#add(damage)
  }

  /** Nothing is written any more once this has resolved. */
  async stop(): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    this.#clock.clearTimeout(this.#timer)
    this.#queue.clear()
    await this.#working
  }

  /** From now on this peer is asked, too. Returns what takes it back. */
  join(donor: Donor): () => void {
    this.#donors.set(donor.peer, donor)
    this.#again()
    return () => {
      if (this.#donors.get(donor.peer) === donor) this.#donors.delete(donor.peer)
    }
  }

  #add(damage: Damage): void {
    if (this.#closed) return
    this.#queue.add(damage)
    this.#begin()
  }

  #begin(): void {
    // Not from within the read that found it.
    this.#working ??= Promise.resolve()
      .then(() => this.#work())
      .finally(() => {
        this.#working = undefined
        // Found after the last look at what is due.
        if (this.#queue.size > 0) this.#begin()
      })
  }

  #again(): void {
    for (const damage of this.#unhealed.keys()) this.#add(damage)
  }

  async #work(): Promise<void> {
    for (const damage of this.#queue) {
      this.#queue.delete(damage)
      await this.#heal(damage)
    }
    if (this.#unhealed.size === 0 || this.#closed) return
    this.#clock.clearTimeout(this.#timer)
    this.#timer = this.#clock.setTimeout(() => this.#again(), retryMs)
  }

  async #heal(damage: Damage): Promise<void> {
    const { soundness } = this.#journal as Journal
    const mend = soundness.mend(damage)
    try {
      if (mend && (await this.#complete(damage, mend))) soundness.mended(damage, mend)
      this.#unhealed.delete(damage)
    } catch (error) {
      const { message } = toReeveError(error)
      const before = this.#unhealed.get(damage)
      if (before?.message !== message) soundness.unmended(damage, message)
      this.#unhealed.set(damage, { message, sinceMs: before?.sinceMs ?? this.#clock.monotonicMs() })
    } finally {
      mend?.close()
    }
  }

  /** False where it is over before it is complete: the segment is gone, or the node stops. */
  async #complete(damage: Damage, mend: Mending): Promise<boolean> {
    const { id } = damage.log
    const sinceMs = this.#unhealed.get(damage)?.sinceMs ?? Number.POSITIVE_INFINITY
    const asked = new Set<string>()
    let problem = 'no peer is connected'
    await mend.open()
    for (;;) {
      if (mend.isGone || this.#closed) return false
      if (mend.advance()) {
        await this.#turn()
        continue
      }
      const { missing } = mend
      if (!missing) break
      if (await mend.rescue()) continue
      const donor = this.#next(id, asked)
      if (!donor && this.#clock.monotonicMs() - sinceMs >= settleAfterMs && mend.settle()) {
        asked.clear()
        continue
      }
      if (!donor) throw new ReeveError('DATA_CORRUPT', `from offset ${missing.offset} on: ${problem}`)
      try {
        await donor.fetch(id, missing, async (frames) => {
          await mend.take(frames)
          return mend.offset
        })
      } catch (error) {
        if (error instanceof DiskError) throw error
        mend.refused(toReeveError(error))
        problem = `${donor.peer}: ${toReeveError(error).message}`
      }
      // Who gave nothing now is asked no more; who gave something may have more.
      if (mend.missing?.offset === missing.offset) asked.add(donor.peer)
    }
    await mend.finish()
    return true
  }

  #next(id: LogId, asked: ReadonlySet<string>): Donor | undefined {
    const left = [...this.#donors.values()].filter(({ peer }) => !asked.has(peer))
    return left.find(({ peer }) => peer === id.origin) ?? left[0]
  }

  /** The shortest possible turn for everybody else. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimeout(resolve, 0))
  }
}
