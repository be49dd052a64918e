/**
 * One page that watches: the hub's entries as server-sent events, at the pace of the page. Owns where it is; queues
 * nothing, for what it has not taken yet is in the hub's ring, and what falls out of that is told as a gap.
 */

import type { Clock, Timer, WebOutput, WebOutputListener } from '../env/env.ts'
import { type Entry, eventId, type Hub } from './hub.ts'
import type { GapRecord, TraceRecord } from './record.ts'

export interface WatcherOptions {
  readonly hub: Hub
  /** Tells this hub from all others. */
  readonly hubId: string
  readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>
  /** The last entry that the page has, of this hub; undefined: it has none. */
  readonly lastId: number | undefined
  /** The page had entries of another hub, so that what it missed cannot be told. */
  readonly lost: boolean
  readonly closed: () => void
}

/** Entries are written together up to this size. */
const pieceLength = 32 * 1024
/** A page that takes nothing for so long is gone. */
const patienceMs = 30_000
/** With nothing else to say; a connection that is gone is found out by it. */
const heartbeatMs = 10_000
/** How soon a browser tries again. */
const retryMs = 1000

export class Watcher implements WebOutputListener {
  readonly #options: WatcherOptions
  readonly #output: WebOutput
  readonly #unsubscribe: () => void
  /** Whose records it has, up to where: to say what it missed. */
  readonly #seen = new Map<string, { epoch: string; sequence: number }>()
  #next: number
  #blocked = false
  #closed = false
  #timer: Timer | undefined

  constructor(options: WatcherOptions, output: WebOutput) {
    this.#options = options
    this.#output = output
    const { hub, lastId } = options
    this.#next = lastId === undefined ? 0 : lastId + 1
    this.#unsubscribe = hub.onAdded(() => this.#flush())
    this.#write(`retry: ${retryMs}\n\n`)
    this.#flush()
    this.#rest()
  }

  drained(): void {
    this.#blocked = false
    this.#flush()
    this.#rest()
  }

  closed(): void {
    if (this.#closed) return
    this.#closed = true
    this.#unsubscribe()
    this.#options.clock.clearTimeout(this.#timer)
    this.#options.closed()
  }

  end(): void {
    this.#output.end()
    this.closed()
  }

  #flush(): void {
    const { hub } = this.#options
    while (!this.#blocked && !this.#closed) {
      // Before the first entry that is left, or of a time to come: that id is none of this hub's.
      if (this.#next < hub.firstId || this.#next > hub.nextId) this.#begin()
      let piece = ''
      for (;;) {
        const entry = hub.at(this.#next)
        if (!entry) break
        piece += this.#event(entry)
        this.#next++
        if (piece.length >= pieceLength) break
      }
      if (piece === '') return
      this.#write(piece)
    }
  }

  /** Goes on where the hub begins. */
  #begin(): void {
    const { hub, lastId } = this.#options
    const lost = this.#options.lost || lastId !== undefined
    const first = hub.firstId
    const piece = hub.beginning().map((record) => {
      const gap =
        record.kind === 'snapshot' ? this.#missed(record.node, record.epoch, record.sequence, lost) : undefined
      if (record.kind === 'snapshot') this.#seen.set(record.node, record)
      return `${gap ? data(gap) : ''}${data(record)}`
    })
    this.#next = first
    if (piece.length > 0) this.#write(piece.join(''))
  }

  #missed(node: string, epoch: string, last: number, lost: boolean): GapRecord | undefined {
    const seen = this.#seen.get(node)
    const gap = { kind: 'gap', node, epoch, last } as const
    if (!seen) return lost && last > 0 ? { ...gap, first: 0, why: 'forgotten' } : undefined
    const first = seen.epoch === epoch ? seen.sequence + 1 : 1
    return first <= last ? { ...gap, first, why: 'slow' } : undefined
  }

  #event({ id, text, node, epoch, sequence }: Entry): string {
    if (node !== '') this.#seen.set(node, { epoch, sequence })
    return `id: ${eventId(this.#options.hubId, id)}\ndata: ${text}\n\n`
  }

  #write(text: string): void {
    this.#blocked = !this.#output.write(text)
    if (this.#blocked) this.#rest()
  }

  #rest(): void {
    const { clock } = this.#options
    clock.clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = clock.setTimeout(
      () => {
        if (this.#blocked) {
          this.end()
          return
        }
        this.#write(':\n\n')
        this.#rest()
      },
      this.#blocked ? patienceMs : heartbeatMs,
    )
  }
}

/** Without an id: a page that has only the beginning begins again. */
function data(record: TraceRecord): string {
  return `data: ${JSON.stringify(record)}\n\n`
}
