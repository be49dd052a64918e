/** How much room the data folder has. Asked of the disk when somebody looks, but rarely: the answer may take its time. */

import type { Clock, Disk, DiskSpace } from '../env/env.ts'

const askEveryMs = 10_000

export class DiskRoom {
  readonly #disk: Pick<Disk, 'space'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #folder: string
  #known: DiskSpace | undefined
  #asked: Promise<void> | undefined
  #askedMs = 0

  constructor(disk: Pick<Disk, 'space'>, clock: Pick<Clock, 'monotonicMs'>, folder: string) {
    this.#disk = disk
    this.#clock = clock
    this.#folder = folder
  }

  /** As it was answered last; undefined: not yet, or nobody could say. Asks for the next time. */
  look(): DiskSpace | undefined {
    void this.ask()
    return this.#known
  }

  /** Resolves with what is at most ten seconds old; never rejects. */
  async ask(): Promise<DiskSpace | undefined> {
    const nowMs = this.#clock.monotonicMs()
    if (!this.#asked || nowMs - this.#askedMs >= askEveryMs) {
      this.#askedMs = nowMs
      this.#asked = this.#disk.space(this.#folder).then(
        (space) => {
          this.#known = space
        },
        () => {
          this.#known = undefined
        },
      )
    }
    await this.#asked
    return this.#known
  }
}
