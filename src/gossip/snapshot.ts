/**
 * What a member writes down for its next run: who was alive, who was lost, and the newest times. Owns which lines are
 * due and when the file has become too long; never touches a file. Lines say how things stand, not what happened in
 * between, so that no storm of news makes more lines than there are members.
 */

import type { Fact } from './effects.ts'
import type { Endpoint } from './ip.ts'
import { maxNodes } from './node-list.ts'
import { formatSnapshotRecord, type Times } from './snapshot-record.ts'
import { type Memory, noTimes } from './snapshot-replay.ts'
import { textToBytes } from './text.ts'

/** Serf rewrites its file beyond the larger of these two. */
const minLimitBytes = 128 * 1024
const limitBytesPerMember = 2 * 128

export interface SnapshotLines {
  readonly bytes: Uint8Array
  /** Worth to survive a power cut. Times alone are not; gossip brings newer ones. */
  readonly shouldLast: boolean
}

export class Snapshot {
  readonly #alive: Map<string, Endpoint>
  readonly #failed: Map<string, Endpoint>
  /** Members whose line is due. */
  readonly #due = new Set<string>()
  #times: Times
  #writtenTimes: Times = noTimes
  #left = false
  #leaveDue = false
  /** There is too much news to list it. */
  #wholeDue = false
  #wholeBytes = 0

  /** Whoever had our name or our address was ourselves. */
  constructor(self: { readonly name: string; readonly at: Endpoint }, memory: Memory) {
    const isOther = ([name, at]: [string, Endpoint]) => {
      return name !== self.name && (at.host !== self.at.host || at.port !== self.at.port)
    }
    this.#alive = new Map([[self.name, self.at], ...[...memory.alive].filter(isOther)])
    this.#failed = new Map([...memory.failed].filter(isOther))
    this.#times = memory.times
  }

  /** A file longer than this is to be replaced by the `whole`. */
  get limitBytes(): number {
    if (this.#wholeDue) return 0
    return Math.max(minLimitBytes, limitBytesPerMember * this.#alive.size, 2 * this.#wholeBytes)
  }

  get isDue(): boolean {
    return this.#due.size > 0 || this.#wholeDue || this.#leaveDue || newer(this.#writtenTimes, this.#times).length > 0
  }

  note(fact: Fact): void {
    if (this.#left || !('member' in fact)) return
    const { kind, member } = fact
    const { name, host, port } = member
    if (kind === 'updated' && isSame(this.#alive.get(name), member)) return
    this.#alive.delete(name)
    this.#failed.delete(name)
    if (kind === 'joined' || kind === 'updated') this.#alive.set(name, { host, port })
    if (kind === 'failed') this.#failed.set(name, { host, port })
    this.#due.add(name)
    if (this.#due.size <= 2 * maxNodes) return
    this.#due.clear()
    this.#wholeDue = true
  }

  witness(times: Times): void {
    if (!this.#left && newer(this.#times, times).length > 0) this.#times = later(this.#times, times)
  }

  /** What becomes of the others from now on is none of our business: they are where we left them. */
  leave(): void {
    if (this.#left) return
    this.#left = true
    this.#leaveDue = true
  }

  /** The lines that are due; they are not due any more. */
  take(): SnapshotLines {
    const members = [...this.#due].map((name) => this.#line(name)).join('')
    const isLeave = this.#leaveDue
    const text = members + this.#timesSince(this.#writtenTimes) + (isLeave ? leaveLine : '')
    this.#settle()
    return { bytes: textToBytes(text), shouldLast: members !== '' || isLeave }
  }

  /** All of it, for a new file. */
  whole(): Uint8Array {
    const names = [...this.#alive.keys(), ...this.#failed.keys()]
    const members = names.map((name) => this.#line(name, true)).join('')
    const bytes = textToBytes(members + this.#timesSince(noTimes) + (this.#left ? leaveLine : ''))
    this.#settle()
    this.#wholeDue = false
    this.#wholeBytes = bytes.length
    return bytes
  }

  #settle(): void {
    this.#due.clear()
    this.#leaveDue = false
    this.#writtenTimes = this.#times
  }

  #line(name: string, isFirst = false): string {
    const alive = this.#alive.get(name)
    if (alive) return formatSnapshotRecord({ kind: 'alive', name, at: alive })
    const failed = this.#failed.get(name)
    return (
      (isFirst ? '' : formatSnapshotRecord({ kind: 'notAlive', name })) +
      (failed ? formatSnapshotRecord({ kind: 'failed', name, at: failed }) : '')
    )
  }

  #timesSince(written: Times): string {
    return newer(written, this.#times)
      .map((clock) => formatSnapshotRecord({ kind: 'time', clock, time: this.#times[clock] }))
      .join('')
  }
}

const leaveLine = formatSnapshotRecord({ kind: 'leave' })
const clocks = ['member', 'event', 'query'] as const

/** The clocks on which the second is later. */
function newer(known: Times, times: Times): (keyof Times)[] {
  return clocks.filter((clock) => times[clock] > known[clock])
}

function later(one: Times, other: Times): Times {
  const max = (clock: keyof Times) => (one[clock] > other[clock] ? one[clock] : other[clock])
  return { member: max('member'), event: max('event'), query: max('query') }
}

function isSame(one: Endpoint | undefined, other: Endpoint): boolean {
  return one?.host === other.host && one.port === other.port
}
