/**
 * What is known of the soundness of the files: damage that was found, by a read or by a check, and was not mended yet.
 * Never serves, cuts or replaces anything by itself.
 */

import { DiskError, type DiskFile } from '../env/env.ts'
import type { JournalEvent } from './journal-event.ts'
import type { LogId } from './log-id.ts'
import { Mend, type Mendable, placeBefore } from './mend.ts'
import { scanFrames, sourceOfFile } from './scan.ts'
import type { Segment } from './segment.ts'

/** A log, as far as its soundness is concerned. */
export interface SoundLog {
  readonly id: LogId
  readonly key: string
  readonly mendable: Mendable
  /** It can be read again. */
  mended(): void
}

/** One damaged segment of a log. */
export interface Damage {
  readonly log: SoundLog
  readonly base: number
  readonly path: string
}

/** Verified in one go. */
const sliceBytes = 256 * 1024

export class Soundness {
  /** By log key. */
  readonly #logs: ReadonlyMap<string, SoundLog>
  readonly #report: (event: JournalEvent) => void
  /** By path. */
  readonly #damages = new Map<string, Damage & { readonly segment: Segment }>()
  readonly #listeners = new Set<(damage: Damage) => void>()

  constructor(logs: ReadonlyMap<string, SoundLog>, report: (event: JournalEvent) => void) {
    this.#logs = logs
    this.#report = report
  }

  /** Somebody met damage in this segment. */
  found(log: SoundLog, segment: Segment, offset: number): void {
    if (segment.corrupt) return
    segment.corrupt = true
    segment.dropIndex(log.mendable.world.disk)
    const damage = { log, base: segment.base, path: segment.path, segment }
    this.#damages.set(segment.path, damage)
    this.#report({ kind: 'corrupt', log: log.key, offset, path: segment.path })
    for (const listener of this.#listeners) listener(damage)
  }

  /** What was found and is not over. */
  damages(): Damage[] {
    for (const [path, { log, segment }] of this.#damages) {
      if (!log.mendable.segments.includes(segment)) this.#damages.delete(path)
    }
    return [...this.#damages.values()]
  }

  /** Calls the listener with each damage that is found from now on. Returns what unsubscribes. */
  onFound(listener: (damage: Damage) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Undefined where the damage is over: mended, or trimmed away. */
  mend({ path }: Damage): Mend | undefined {
    const damage = this.#damages.get(path)
    if (!damage?.log.mendable.segments.includes(damage.segment)) return undefined
    return new Mend(damage.log.mendable, damage.segment)
  }

  /** The segment is whole again: `mend` has finished. */
  mended({ path }: Damage, mend: Mend): void {
    const damage = this.#damages.get(path)
    if (!damage) return
    this.#damages.delete(path)
    damage.segment.corrupt = false
    damage.segment.keptCopy = false
    this.#report({ kind: 'mended', log: damage.log.key, path, bytes: mend.writtenBytes })
    damage.log.mended()
  }

  /** It stays damaged for now. */
  unmended({ log, path }: Damage, message: string): void {
    this.#report({ kind: 'unmended', log: log.key, path, message })
  }

  /** Log keys, in an order that does not change. */
  keys(): string[] {
    return [...this.#logs.keys()].sort()
  }

  /** The segments of a log by their base offsets, ascending. */
  bases(key: string): number[] {
    return this.#logs.get(key)?.mendable.segments.flatMap(({ base, bytes }) => (bytes > 0 ? [base] : [])) ?? []
  }

  /**
   * Verifies what is visible of a segment now, as the file lies on the disk; gives the bytes it has read, a slice at a
   * time. What is wrong is `found`. Throws `DiskError` where the disk cannot be asked at all.
   */
  *check(key: string, base: number): Generator<number, void, void> {
    const log = this.#logs.get(key)
    const segment = log?.mendable.segments.find((one) => one.base === base)
    if (!log || !segment || segment.corrupt) return
    const { bytes, chain } = segment
    const place = placeBefore(log.mendable, segment)
    let file: DiskFile | undefined
    let read = 0
    let end: { offset: number; chain: bigint | undefined } = place
    try {
      file = log.mendable.world.disk.open(segment.path, 'read')
      const scan = scanFrames(sourceOfFile(file, bytes, sliceBytes), place)
      for (let step = scan.next(); !step.done; step = scan.next()) {
        end = { offset: step.value.endOffset, chain: step.value.chain }
        read += step.value.bytes
        if (read < sliceBytes) continue
        yield read
        read = 0
      }
    } catch (error) {
      if (!(error instanceof DiskError) || (error.code !== 'EIO' && error.code !== 'ENOENT')) throw error
    } finally {
      file?.close()
    }
    if (end.chain !== chain && log.mendable.segments.includes(segment)) this.found(log, segment, end.offset)
    if (read > 0) yield read
  }
}
