/**
 * The truth: which members run, which stand still, who reaches whom, and since when. Told of it by whoever runs the world,
 * at every step and often in between; knows nothing of what members believe.
 */

import { backMs, type Cause } from './bounds.ts'

/** What a host is to the others at a moment. `leaving`: it says goodbye. */
export type Presence = 'absent' | 'present' | 'leaving' | 'left' | 'gone'

/** One member at a moment. */
export interface Sight {
  readonly name: string
  readonly presence: Presence
  /** It runs, and its process is stopped. */
  readonly still: boolean
}

/** Somebody could not be reached by somebody, from then on; `toMs` is Infinity while it lasts. */
export interface Absence {
  readonly fromMs: number
  toMs: number
  readonly cause: Cause
}

export interface Person {
  readonly name: string
  readonly index: number
  presence: Presence
  still: boolean
  /** Of the presence. */
  sinceMs: number
  /** Said goodbye from then on, the last time. */
  byeMs: number
  readonly absences: Absence[]
  /** When it was last out of reach of somebody who ran, and why; Infinity while it is. */
  troubledMs: number
  troubledBy: Cause
}

export class Attendance {
  readonly people: ReadonlyMap<string, Person>
  readonly #all: readonly Person[]
  /** By the indices of two: why they do not reach each other now. */
  readonly #out: (Cause | undefined)[]
  /** Until then they may hold wrong views of each other. */
  readonly #excusedMs: number[]

  constructor(names: readonly string[]) {
    this.#all = names.map((name, index) => ({
      ...{ name, index, presence: 'absent', still: false, sinceMs: 0, byeMs: Number.NEGATIVE_INFINITY, absences: [] },
      ...{ troubledMs: Number.NEGATIVE_INFINITY, troubledBy: 'still' },
    }))
    this.people = new Map(this.#all.map((person) => [person.name, person]))
    this.#out = new Array(names.length ** 2).fill('still')
    this.#excusedMs = new Array(names.length ** 2).fill(Number.NEGATIVE_INFINITY)
  }

  /** `isOpen`: packets and streams get from the one to the other. */
  look(nowMs: number, sights: readonly Sight[], isOpen: (from: string, to: string) => boolean): void {
    for (const { name, presence, still } of sights) {
      const person = this.person(name)
      person.still = still
      if (person.presence === presence) continue
      if (presence === 'leaving') person.byeMs = nowMs
      person.presence = presence
      person.sinceMs = nowMs
    }
    const causes = new Map<Person, Cause>()
    for (const one of this.#all) {
      for (const other of this.#all) {
        if (other.index <= one.index) continue
        const cause = causeOf(one, other, isOpen)
        this.#note(one, other, cause, nowMs)
        if (cause === 'apart' && runs(one) && runs(other)) {
          causes.set(one, 'apart')
          causes.set(other, 'apart')
        }
      }
      if (!causes.has(one) && (one.still || !runs(one))) causes.set(one, 'still')
    }
    for (const person of this.#all) this.#trouble(person, causes.get(person), nowMs)
  }

  person(name: string): Person {
    const person = this.people.get(name)
    if (!person) throw new Error(`nobody is called ${name}`)
    return person
  }

  /** They hear each other now. */
  inReach(one: Person, other: Person): boolean {
    return this.#out[this.#pair(one, other)] === undefined
  }

  /** Whoever runs hears it now, and it hears all of them. */
  inReachOfAll(person: Person): boolean {
    return this.#all.every((other) => other === person || !runs(other) || this.inReach(person, other))
  }

  /** Until when what they hold of each other may be wrong. */
  excusedUntilMs(one: Person, other: Person): number {
    return this.inReach(one, other) ? (this.#excusedMs[this.#pair(one, other)] ?? 0) : Number.POSITIVE_INFINITY
  }

  #note(one: Person, other: Person, cause: Cause | undefined, nowMs: number): void {
    const pair = this.#pair(one, other)
    const before = this.#out[pair]
    // Of an absence with two causes the graver one counts.
    if (cause !== undefined) this.#out[pair] = before === 'apart' ? before : cause
    else if (before !== undefined) {
      this.#out[pair] = undefined
      this.#excusedMs[pair] = Math.max(this.#excusedMs[pair] ?? 0, nowMs + backMs[before])
    }
  }

  #trouble(person: Person, cause: Cause | undefined, nowMs: number): void {
    const last = person.absences.at(-1)
    const open = last?.toMs === Number.POSITIVE_INFINITY ? last : undefined
    if (open && open.cause !== cause) open.toMs = nowMs
    if (cause !== undefined && open?.cause !== cause)
      person.absences.push({ fromMs: nowMs, toMs: Number.POSITIVE_INFINITY, cause })
    if (cause !== undefined) {
      // Of a trouble with two causes the graver one counts.
      if (cause === 'apart' || person.troubledMs < nowMs) person.troubledBy = cause
      person.troubledMs = Number.POSITIVE_INFINITY
    } else if (person.troubledMs === Number.POSITIVE_INFINITY) person.troubledMs = nowMs
  }

  #pair(one: Person, other: Person): number {
    const [low, high] = one.index < other.index ? [one, other] : [other, one]
    return low.index * this.#all.length + high.index
  }
}

/** It is there to be spoken with. */
export function runs({ presence }: Person): boolean {
  return presence === 'present' || presence === 'leaving'
}

function causeOf(one: Person, other: Person, isOpen: (from: string, to: string) => boolean): Cause | undefined {
  if (runs(one) && runs(other) && !(isOpen(one.name, other.name) && isOpen(other.name, one.name))) return 'apart'
  return runs(one) && runs(other) && !one.still && !other.still ? undefined : 'still'
}
