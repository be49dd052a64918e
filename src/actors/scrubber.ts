/**
 * Looks at all there is on the disk again and again, slowly, so that damage is found while somebody still has what was
 * lost. A pass goes over all segments in one order; where it stands is kept in a file, so that a node that is restarted
 * often comes to the end some day. Deleting that file costs a pass from the start.
 */

import type { Clock, Disk, Timer } from '../env/env.ts'
import { toReeveError } from '../errors.ts'
import type { Journal } from '../log/journal.ts'

export interface ScrubberOptions {
  readonly clock: Clock
  readonly disk: Disk
  readonly dataDir: string
  /** At most; 0: never. */
  readonly bytesPerSecond: number
  readonly report: (event: ScrubEvent) => void
}

export type ScrubEvent =
  | { readonly kind: 'passed'; readonly segments: number; readonly bytes: number; readonly tookMs: number }
  /** A file could not be looked at. */
  | { readonly kind: 'failed'; readonly log: string; readonly message: string }

/** A pass begins no sooner after the one before: a small node need not read the same all day. */
const passEveryMs = 3_600_000
/** Each look into a file counts as so much at least: to open it, and to get to it, costs as much as to read that. */
const leastBytes = 64 * 1024
/** Where a pass stands is written down this often. */
const keepEveryMs = 60_000

interface Place {
  readonly key: string
  readonly base: number
}

export class Scrubber {
  readonly #options: ScrubberOptions
  #journal: Journal | undefined
  #walk: Generator<number, void, void> | undefined
  #timer: Timer | undefined
  #place: Place | undefined
  #keptMs = 0
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: ScrubberOptions) {
    this.#options = options
  }

  start(journal: Journal): void {
    if (this.#options.bytesPerSecond === 0) return
    this.#journal = journal
    this.#place = this.#read()
    this.#pass()
  }

  /** No file is open any more once this has resolved. */
  async stop(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer)
    this.#walk?.return()
    if (this.#place && this.#walk) this.#keep()
    this.#walk = undefined
    await this.#keeping
  }

  #pass(): void {
    const { clock, report } = this.#options
    const beganMs = clock.monotonicMs()
    this.#keptMs = beganMs
    let [bytes, segments] = [0, 0]
    this.#walk = this.#segments(() => segments++)
    const step = () => {
      const read = this.#walk?.next()
      if (!read) return
      if (read.done) {
        this.#walk = undefined
        this.#place = undefined
        const tookMs = clock.monotonicMs() - beganMs
        report({ kind: 'passed', segments, bytes, tookMs: Math.round(tookMs) })
        this.#keep()
        this.#timer = clock.setTimeout(() => this.#pass(), Math.max(passEveryMs - tookMs, 0))
        return
      }
      bytes += read.value
      if (clock.monotonicMs() - this.#keptMs > keepEveryMs) this.#keep()
      const costBytes = Math.max(read.value, leastBytes)
      this.#timer = clock.setTimeout(step, (costBytes / this.#options.bytesPerSecond) * 1000)
    }
    this.#timer = clock.setTimeout(step, 0)
  }

  /** Gives the bytes it has read, a slice at a time. */
  *#segments(counted: () => void): Generator<number, void, void> {
    const { soundness } = this.#journal as Journal
    const from = this.#place
    for (const key of soundness.keys()) {
      if (from && key < from.key) continue
      for (const base of soundness.bases(key)) {
        if (from && key === from.key && base < from.base) continue
        this.#place = { key, base }
        try {
          yield* soundness.check(key, base)
        } catch (error) {
          this.#options.report({ kind: 'failed', log: key, message: toReeveError(error).message })
        }
        counted()
      }
    }
  }

  get #path(): string {
    return `${this.#options.dataDir}/scrub`
  }

  #read(): Place | undefined {
    const { disk } = this.#options
    try {
      if (!disk.stat(this.#path)) return undefined
      const [head, key, base] = new TextDecoder().decode(disk.readFile(this.#path)).split('\n')
      const place = { key: key ?? '', base: Number(base) }
      return head === header && Number.isSafeInteger(place.base) ? place : undefined
    } catch {
      return undefined
    }
  }

  /** One write at a time. That it fails costs a pass from the start, some day. */
  #keep(): void {
    const { clock, disk } = this.#options
    this.#keptMs = clock.monotonicMs()
    const { key, base } = this.#place ?? { key: '', base: 0 }
    const text = new TextEncoder().encode(`${header}\n${key}\n${base}\n`)
    this.#keeping = this.#keeping.then(() => disk.replaceFile(this.#path, text)).catch(() => {})
  }
}

/** The first line of the file. */
const header = 'reeve-scrub 1'
