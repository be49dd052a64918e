/** What time it is at a peer: asked now and then on the stream that there is anyway. */

import type { Clock, Timer } from '../env/env.ts'

/** How far a peer's clock is ahead of ours, in ms; below zero: behind. */
export interface Skew {
  readonly skewMs: number
  /** By so much it may be more or less: half the round trip of the question, and both clocks' last digit. */
  readonly withinMs: number
}

/** By peer, of those whose streams are open and that have answered. */
export class PeerClocks {
  readonly #skews = new Map<string, Skew>()

  found(peer: string, skew: Skew): void {
    this.#skews.set(peer, skew)
  }

  forget(peer: string): void {
    this.#skews.delete(peer)
  }

  of(peer: string): Skew | undefined {
    return this.#skews.get(peer)
  }
}

export interface PeerClockOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonicMs' | 'setTimeout' | 'clearTimeout'>
  readonly ask: () => void
  readonly found: (skew: Skew) => void
}

const askEveryMs = 30_000
/** Wall clocks are read in whole milliseconds. */
const digitMs = 1
/** Clocks drift: a reading is believed for so long, if no better one comes. */
const keptMs = 5 * 60_000

export class PeerClock {
  readonly #options: PeerClockOptions
  /** By the clock that never jumps, and by the wall. */
  #asked: { readonly atMs: number; readonly wallMs: number } | undefined
  #kept: (Skew & { readonly atMs: number }) | undefined
  #timer: Timer | undefined

  constructor(options: PeerClockOptions) {
    this.#options = options
  }

  /** Once; from then on by itself, for as long as the peer answers. */
  ask(): void {
    const { clock, ask } = this.#options
    this.#asked = { atMs: clock.monotonicMs(), wallMs: clock.now() }
    ask()
  }

  answered(peerMs: number): void {
    const { clock, found } = this.#options
    const asked = this.#asked
    // Nobody asked.
    if (!asked) return
    this.#asked = undefined
    const atMs = clock.monotonicMs()
    const halfWayMs = (atMs - asked.atMs) / 2
    const withinMs = halfWayMs + digitMs
    const reading = { skewMs: peerMs - asked.wallMs - halfWayMs, withinMs, atMs }
    if (this.#isBetter(reading)) {
      this.#kept = reading
      found({ skewMs: reading.skewMs, withinMs })
    }
    this.#timer = clock.setTimeout(() => this.ask(), askEveryMs)
  }

  close(): void {
    this.#options.clock.clearTimeout(this.#timer)
  }

  /** A busy stream answers late; what is known better stays, unless the clocks were changed or it is old. */
  #isBetter({ skewMs, withinMs, atMs }: Skew & { readonly atMs: number }): boolean {
    const kept = this.#kept
    if (!kept || withinMs <= kept.withinMs || atMs - kept.atMs > keptMs) return true
    return Math.abs(skewMs - kept.skewMs) > withinMs + kept.withinMs
  }
}
