/**
 * What happened, as one running hash: two runs of one seed are the same run exactly when their traces hash the same.
 * Every simulated event and every note of the code above goes in, in order; nothing is kept but the hash.
 */

import { Xxh64 } from '@node-rs/xxhash'
import { checksum } from './checksum.ts'

/** The kinds of simulated events; the numbers go into the hash. */
export const eventKinds = {
  note: 0,
  timer: 1,
  packet: 2,
  packetLost: 3,
  connect: 4,
  segment: 5,
  keepalive: 6,
  socket: 7,
  call: 8,
  deadline: 9,
  disk: 10,
  world: 11,
} as const
export type EventKind = keyof typeof eventKinds

const entryBytes = 15
const bufferBytes = 1 << 15

export class Trace {
  /** Events and notes so far. */
  entries = 0
  readonly #hasher = new Xxh64(0n)
  readonly #buffer = new Uint8Array(bufferBytes)
  readonly #view = new DataView(this.#buffer.buffer)
  readonly #watch: ((line: string) => void) | undefined
  #used = 0

  /** `watch` is told every entry as a line of text: to see where two runs part. */
  constructor(watch?: (line: string) => void) {
    this.#watch = watch
  }

  /** `machine`: number of the host, 0 for the world itself. `tag`: 32 bits of what it was about. */
  event(atUs: number, kind: EventKind, machine: number, tag: number): void {
    this.entries++
    if (this.#used + entryBytes > bufferBytes) this.#flush()
    this.#view.setFloat64(this.#used, atUs)
    this.#view.setUint8(this.#used + 8, eventKinds[kind])
    this.#view.setUint16(this.#used + 9, machine)
    this.#view.setUint32(this.#used + 11, tag)
    this.#used += entryBytes
    this.#watch?.(`${(atUs / 1000).toFixed(3)} ${kind} ${machine} ${tag.toString(16)}`)
  }

  note(atUs: number, text: string): void {
    this.event(atUs, 'note', 0, text.length)
    this.#flush()
    this.#hasher.update(text)
    this.#watch?.(`${(atUs / 1000).toFixed(3)} note ${text}`)
  }

  /** 16 hexadecimal digits of everything so far; more may follow. */
  hash(): string {
    this.#flush()
    return this.#hasher.digest().toString(16).padStart(16, '0')
  }

  #flush(): void {
    if (this.#used === 0) return
    this.#hasher.update(this.#buffer.subarray(0, this.#used))
    this.#used = 0
  }
}

/** 32 bits for `Trace.event`. */
export function tagOf(bytes: Uint8Array, salt = 0): number {
  return checksum(bytes, salt)
}
