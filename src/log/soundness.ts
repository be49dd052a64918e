/**
 * What is known of the soundness of the files: damage that was found, by a read or by a check, and was not mended yet.
 * Never serves, cuts or replaces anything by itself.
 */

import { DiskError, type DiskFile } from '../env/env.ts'
import { dropIndex } from './index-file.ts'
import type { JournalEvent } from './journal-event.ts'
import type { LogId } from './log-id.ts'
import { LostStartMend } from './lost-start.ts'
import { Mend, type Mendable, type Mending, placeBefore } from './mend.ts'
import { scanFrames, sourceOfFile } from './scan.ts'
import { type Segment, segmentName } from './segment.ts'
import { type Returning, SetAsideMend } from './set-aside.ts'
import type { LostStart } from './start-mark.ts'

/** A log, as far as its soundness is concerned. */
export interface SoundLog {
  readonly id: LogId
  readonly key: string
  readonly mendable: Mendable
  /** Of the segments that are made of what comes back. */
  readonly segmentMaxBytes: number
  /** What is missing at its beginning. */
  lost: LostStart | undefined
  /** It can be read again. */
  mended(): void
}

/** One damaged segment of a log, what is missing at its beginning, or what was set aside of it. */
export interface Damage {
  readonly log: SoundLog
  readonly base: number
  readonly path: string
  /** Most likely it is none: what is missing was trimmed, or what was set aside is not missing. */
  readonly unlikely: boolean
}

interface Found extends Damage {
  /** Undefined: there is none, it is missing at the beginning, or set aside. */
  readonly segment: Segment | undefined
  readonly aside?: Returning
}

/** Verified in one go. */
const sliceBytes = 256 * 1024

export class Soundness {
  /** By log key. */
  readonly #logs: ReadonlyMap<string, SoundLog>
  readonly #report: (event: JournalEvent) => void
  /** By path. */
  readonly #damages = new Map<string, Found>()
  readonly #listeners = new Set<(damage: Damage) => void>()

  constructor(logs: ReadonlyMap<string, SoundLog>, report: (event: JournalEvent) => void) {
    this.#logs = logs
    this.#report = report
  }

  /** Somebody met damage in this segment. */
  found(log: SoundLog, segment: Segment, offset: number): void {
    if (segment.corrupt) return
    segment.corrupt = true
    dropIndex(log.mendable.world.disk, segment)
    this.#report({ kind: 'corrupt', log: log.key, offset, path: segment.path })
    this.#note({ log, base: segment.base, path: segment.path, unlikely: false, segment })
  }

  /** The log does not begin where it should. */
  foundLost(log: SoundLog, { from, unmarked }: LostStart): void {
    const path = `${log.mendable.folder}/${segmentName(from)}`
    this.#note({ log, base: from, path, unlikely: unmarked, segment: undefined })
  }

  /** What of `folder` follows the log's end is taken back, once it can be. */
  foundAside(log: SoundLog, aside: Returning, folder: string): void {
    this.#note({ log, base: aside.log.end, path: folder, unlikely: true, segment: undefined, aside })
  }

  #note(damage: Found): void {
    this.#damages.set(damage.path, damage)
    for (const listener of this.#listeners) listener(damage)
  }

  /** What was found and is not over. */
  damages(): Damage[] {
    for (const [path, damage] of this.#damages) if (isOver(damage)) this.#damages.delete(path)
    return [...this.#damages.values()]
  }

  /** Something may be missing that nobody knows of. */
  get isInDoubt(): boolean {
    this.damages()
    return [...this.#damages.values()].some(({ aside }) => !aside)
  }

  /** Calls the listener with each damage that is found from now on. Returns what unsubscribes. */
  onFound(listener: (damage: Damage) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Undefined where the damage is over: mended, or trimmed away. */
  mend({ path }: Damage): Mending | undefined {
    const damage = this.#damages.get(path)
    if (!damage || isOver(damage)) return undefined
    const { log, segment, aside } = damage
    if (aside) return new SetAsideMend(log.mendable.world.disk, aside, damage.path)
    return segment ? new Mend(log.mendable, segment) : new LostStartMend(log, log.lost as LostStart)
  }

  /** The segment is whole again: `mend` has finished. */
  mended({ path }: Damage, mend: Mending): void {
    const damage = this.#damages.get(path)
    if (!damage) return
    this.#damages.delete(path)
    if (damage.segment) {
      damage.segment.corrupt = false
      damage.segment.keptCopy = false
    }
    const { writtenBytes } = mend
    if (damage.aside) {
      if (writtenBytes > 0) this.#report({ kind: 'takenBack', log: damage.log.key, folder: path, bytes: writtenBytes })
      return
    }
    if (writtenBytes > 0 || damage.segment) {
      this.#report({ kind: 'mended', log: damage.log.key, path, bytes: writtenBytes })
    }
    damage.log.mended()
  }

  /** It stays damaged for now. */
  unmended({ log, path, unlikely }: Damage, message: string): void {
    if (unlikely) return
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
    if (!log) return
    const { mendable } = log
    const segment = mendable.segments.find((one) => one.base === base)
    if (!segment || segment.corrupt) return
    const { bytes, chain } = segment
    const place = placeBefore(mendable, segment)
    let file: DiskFile | undefined
    let read = 0
    let end: { offset: number; chain: bigint | undefined } = place
    try {
      file = mendable.world.disk.open(segment.path, 'read')
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
    if (end.chain !== chain && mendable.segments.includes(segment)) this.found(log, segment, end.offset)
    if (read > 0) yield read
  }
}

/** Mended, or trimmed away. */
function isOver({ log, segment, aside }: Found): boolean {
  if (aside) return false
  return segment ? !log.mendable.segments.includes(segment) : log.lost === undefined
}
