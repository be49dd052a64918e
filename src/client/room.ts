/** Whatever waits for room in a buffer, one after the other, so that nothing overtakes what came before it. */

/** Does what there is room for; true when that was all of it. Never throws. */
export type Job = () => boolean

export class WaitingForRoom {
  readonly #hasRoom: () => boolean
  #jobs: Job[] = []
  #next = 0
  #working = false

  constructor(hasRoom: () => boolean) {
    this.#hasRoom = hasRoom
  }

  /** Whether what comes now may go at once. */
  get isOpen(): boolean {
    return this.#next === this.#jobs.length && this.#hasRoom()
  }

  /** In its turn: perhaps at once. */
  add(job: Job): void {
    this.#jobs.push(job)
    this.work()
  }

  /** There may be room now. */
  work(): void {
    if (this.#working) return
    this.#working = true
    while (this.#next < this.#jobs.length && this.#hasRoom()) {
      if (this.#jobs[this.#next]!()) this.#next++
    }
    if (this.#next >= 1024 || this.#next === this.#jobs.length) {
      this.#jobs.splice(0, this.#next)
      this.#next = 0
    }
    this.#working = false
  }
}
