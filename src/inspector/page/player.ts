/** Lets time pass in what was recorded: as fast as it happened, or faster; moments in which nothing happens are cut short. */

import type { Story } from './story.ts'

export const speeds = [0.25, 1, 4, 16, 64] as const
export type Speed = (typeof speeds)[number]

/** Nothing happens for longer than this, as the reader sees it: it goes on at once. */
const idleMaxMs = 700

export interface Playing {
  readonly story: () => Story
  readonly position: () => number
  readonly goTo: (position: number) => void
  /** No record is left. */
  readonly ended: () => void
}

export class Player {
  speed: Speed = 1
  readonly #playing: Playing
  #frame: number | undefined
  #lastMs = 0
  /** By the clock of the records. */
  #atMs = 0

  constructor(playing: Playing) {
    this.#playing = playing
  }

  get running(): boolean {
    return this.#frame !== undefined
  }

  start(): void {
    if (this.running) return
    this.#atMs = this.#recordMs(this.#playing.position() - 1)
    this.#lastMs = performance.now()
    this.#frame = requestAnimationFrame(this.#step)
  }

  stop(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame)
    this.#frame = undefined
  }

  readonly #step = (): void => {
    const nowMs = performance.now()
    // A page that was hidden does not leap when it is seen again.
    this.#atMs += Math.min(nowMs - this.#lastMs, 250) * this.speed
    this.#lastMs = nowMs
    const story = this.#playing.story()
    const from = this.#playing.position()
    let position = from
    while (position < story.last && this.#recordMs(position) <= this.#atMs) position++
    if (position === from && position < story.last) {
      const waitMs = (this.#recordMs(position) - this.#atMs) / this.speed
      if (waitMs > idleMaxMs) this.#atMs = this.#recordMs(position) - idleMaxMs * this.speed
    }
    if (position !== from) this.#playing.goTo(position)
    if (position >= story.last) {
      this.#frame = undefined
      this.#playing.ended()
    } else {
      this.#frame = requestAnimationFrame(this.#step)
    }
  }

  /** Records of no moment happen with the one before. */
  #recordMs(position: number): number {
    const story = this.#playing.story()
    for (let at = Math.max(position, story.first); at >= story.first; at--) {
      const record = story.record(at)
      if (record && record.kind !== 'gap') return record.atMs
    }
    return 0
  }
}
