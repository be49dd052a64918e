/**
 * What a run of a member knew, read back from its snapshot file piece by piece. Whatever the file holds, this keeps one
 * line and as many members as we ever list, and passes over what makes no sense.
 */

import type { Endpoint } from './ip.ts'
import { LamportClock } from './lamport.ts'
import { maxNodes } from './node-list.ts'
import { parseSnapshotLine, type SnapshotRecord, type Times } from './snapshot-record.ts'
import { textFromBytes } from './text.ts'

/** What one run leaves to the next. */
export interface Memory {
  readonly alive: ReadonlyMap<string, Endpoint>
  /** Those that were lost and had not been given up yet. */
  readonly failed: ReadonlyMap<string, Endpoint>
  readonly times: Times
}

export const noTimes: Times = { member: 0n, event: 0n, query: 0n }
export const noMemory: Memory = { alive: new Map(), failed: new Map(), times: noTimes }

/** Of the longest name we take in, with room for what stands around it. */
const maxLineBytes = 4096
const newline = 10
/** Judges times from outside, as a member does that has just started. */
const fresh = new LamportClock()

export interface SnapshotReplayOptions {
  /** Whether what was known before a leave counts. */
  readonly rejoinAfterLeave: boolean
  /** The file is read from somewhere in the middle of a line on. */
  readonly fromMiddle?: boolean
  /** Told of every line that is passed over, or of its beginning. */
  readonly skipped: (line: string) => void
}

export class SnapshotReplay {
  readonly #options: SnapshotReplayOptions
  readonly #line = new Uint8Array(maxLineBytes)
  #lineBytes = 0
  #overlong: boolean
  readonly #alive = new Map<string, Endpoint>()
  readonly #failed = new Map<string, Endpoint>()
  #times = noTimes

  constructor(options: SnapshotReplayOptions) {
    this.#options = options
    this.#overlong = options.fromMiddle ?? false
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const found = bytes.indexOf(newline, at)
      const end = found < 0 ? bytes.length : found
      this.#collect(bytes.subarray(at, end))
      if (found >= 0) this.#endLine()
      at = end + 1
    }
  }

  /** A last line without its end was never written completely, and does not count. */
  end(): Memory {
    return { alive: this.#alive, failed: this.#failed, times: this.#times }
  }

  #collect(part: Uint8Array): void {
    const room = maxLineBytes - this.#lineBytes
    this.#line.set(part.subarray(0, room), this.#lineBytes)
    this.#lineBytes += Math.min(part.length, room)
    if (part.length > room) this.#overlong = true
  }

  #endLine(): void {
    const line = textFromBytes(this.#line, 0, this.#lineBytes)
    const record = this.#overlong ? undefined : parseSnapshotLine(line)
    if (!record || !this.#apply(record)) this.#options.skipped(line)
    this.#lineBytes = 0
    this.#overlong = false
  }

  /** False: not to be believed, or too much. */
  #apply(record: SnapshotRecord): boolean {
    switch (record.kind) {
      case 'alive':
      case 'failed': {
        const { kind, name, at } = record
        this.#forget(name)
        if (this.#alive.size + this.#failed.size >= maxNodes) return false
        const members = kind === 'alive' ? this.#alive : this.#failed
        members.set(name, at)
        return true
      }
      case 'notAlive':
        this.#forget(record.name)
        return true
      case 'time': {
        const { clock, time } = record
        if (!fresh.credible(time)) return false
        if (time > this.#times[clock]) this.#times = { ...this.#times, [clock]: time }
        return true
      }
      case 'leave':
        if (this.#options.rejoinAfterLeave) return true
        this.#alive.clear()
        this.#failed.clear()
        this.#times = noTimes
        return true
      case 'comment':
        return true
    }
  }

  #forget(name: string): void {
    this.#alive.delete(name)
    this.#failed.delete(name)
  }
}
