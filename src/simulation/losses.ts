/**
 * What may be lost for good because a disk broke the premise of all promises: it was wiped, replaced, lied or rotted.
 * Whatever lay on another disk by then must still come back; what lay on this one alone may be gone. Owns that bound
 * of every log, and nothing of what was really lost.
 */

import { checkPlaces, type HeldCopies, type NodeSnapshot, type Violation } from './invariants.ts'

export class Losses {
  /** Of each log, the first offset that may be lost: no sound disk had it. */
  readonly #from = new Map<string, number>()
  /** Hosts with damage at rest, which may be found at any time. */
  readonly #damaged = new Set<string>()
  /** Hosts whose nodes do not know, for a while, what their producers had them store. */
  readonly #forgetful = new Set<string>()

  /**
   * The disk of a host is about to lose anything. `from`: whose disk it has then, as that is or was. `seen`: what each host
   * held at the last look, also those that are down.
   */
  replaced(host: string, from: string | undefined, seen: readonly HeldCopies[]): void {
    this.#forgetful.add(host)
    this.#note(host, seen, () => true)
    if (from !== undefined && this.#damaged.has(from)) this.#damaged.add(host)
    else this.#damaged.delete(host)
  }

  /** A bit turned over in this file. */
  rotted(host: string, seen: readonly HeldCopies[], path: string): void {
    this.#note(host, seen, (log) => path.includes(`/${log}/`))
    this.#damaged.add(host)
    this.#forgetful.add(host)
  }

  #note(host: string, seen: readonly HeldCopies[], isMeant: (log: string) => boolean): void {
    const sound = new Map<string, number>()
    for (const { name, copies } of seen) {
      if (name === host || this.#damaged.has(name)) continue
      for (const { log, end } of copies) sound.set(log, Math.max(sound.get(log) ?? 0, end))
    }
    for (const { log } of seen.find(({ name }) => name === host)?.copies ?? []) {
      const safe = sound.get(log) ?? 0
      if (isMeant(log)) this.#from.set(log, Math.min(safe, this.#from.get(log) ?? safe))
    }
  }

  /** Places that are there twice, of producers at hosts that remember. `hostOf`: where the producer of a place is. */
  places(nodes: readonly NodeSnapshot[], hostOf: (place: string) => string | undefined): Violation[] {
    return checkPlaces(nodes, (place) => this.#forgetful.has(hostOf(place) ?? ''))
  }

  /** A copy with damage ends where the damage begins, once it is found. */
  mayShrink(host: string): boolean {
    return this.#damaged.has(host)
  }

  /** What somebody still has everybody must have; what nobody has must be excused, or trimmed: a new disk knows nothing of it. */
  expected(acknowledged: Iterable<string>, nodes: readonly NodeSnapshot[]): string[] {
    if (this.#from.size === 0) return [...acknowledged]
    const held = new Set(nodes.flatMap(({ records }) => records))
    const starts = new Map<string, number>()
    for (const { copies } of nodes) {
      for (const { log, start } of copies) starts.set(log, Math.max(start, starts.get(log) ?? 0))
    }
    return [...acknowledged].filter((record) => held.has(record) || !(this.#excuses(record) || isBelow(record, starts)))
  }

  excusesCopy(violation: Violation): boolean {
    if (violation.kind !== 'copyBehind' || this.#damaged.size === 0) return false
    return (this.#from.get(violation.log) ?? Number.POSITIVE_INFINITY) <= violation.end
  }

  #excuses(record: string): boolean {
    const { log, offset } = placeOf(record)
    return offset >= (this.#from.get(log) ?? Number.POSITIVE_INFINITY)
  }
}

function isBelow(record: string, starts: ReadonlyMap<string, number>): boolean {
  const { log, offset } = placeOf(record)
  return offset < (starts.get(log) ?? 0)
}

/** A record's id is that of its log, a slash and its offset. */
function placeOf(record: string): { log: string; offset: number } {
  const slash = record.lastIndexOf('/')
  return { log: record.slice(0, slash), offset: Number(record.slice(slash + 1)) }
}
