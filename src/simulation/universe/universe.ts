/**
 * All that was ever on any disk of a world, log by log: what each record says, where it is durable, where it was. It is
 * told by `DiskView`s and holds what judges ask for; it never asks a node anything.
 */

import type { GoneHow } from './disk-view.ts'
import { chainOf, type StoredFrame } from './stored-frames.ts'
import { TopicRules } from './topic-rules.ts'

export interface KnownFrame extends StoredFrame {
  /** Disks that have it now, and those of them where a power cut would leave it. */
  readonly heldBy: Set<string>
  readonly durableOn: Set<string>
  /** Every disk where it was durable at any time. */
  readonly everDurableOn: Set<string>
}

export interface KnownLog {
  /** `topic/origin/epoch` */
  readonly key: string
  readonly topic: string
  readonly origin: string
  /** By base offset, ascending. */
  readonly frames: KnownFrame[]
}

/** What happened below all nodes. */
export type DiskFact =
  /** Where another frame is known already. */
  | { readonly kind: 'contradicted'; readonly disk: string; readonly log: string; readonly offset: number }
  /** A frame that does not go on from the one before it. */
  | { readonly kind: 'unchained'; readonly disk: string; readonly log: string; readonly offset: number }
  /** Its body is not what its header says. */
  | { readonly kind: 'unreadable'; readonly disk: string; readonly log: string; readonly offset: number }
  /** The first time on any disk. */
  | { readonly kind: 'stored'; readonly disk: string; readonly log: string; readonly frame: KnownFrame }
  /** The first time that a power cut would leave it on this disk. */
  | { readonly kind: 'reached'; readonly disk: string; readonly log: string; readonly frame: KnownFrame }
  /** The first time that a power cut would leave it on any disk. */
  | { readonly kind: 'lasting'; readonly disk: string; readonly log: string; readonly frame: KnownFrame }
  | {
      readonly kind: 'gone'
      readonly disk: string
      readonly log: string
      readonly frame: KnownFrame
      readonly how: GoneHow
      readonly wasDurable: boolean
      /** See `DiskListener`. */
      readonly topicBytes: number | undefined
    }

export class Universe {
  readonly logs = new Map<string, KnownLog>()
  readonly topics = new TopicRules()
  readonly #unsound = new Set<string>()
  readonly #forgetful = new Set<string>()
  readonly #names = new Map<string, Set<string>>()
  readonly #tell: (fact: DiskFact) => void

  constructor(tell: (fact: DiskFact) => void) {
    this.#tell = tell
  }

  held(disk: string, key: string, frame: StoredFrame, bytes: Uint8Array): void {
    const log = this.#log(key)
    const place = placeOf(log.frames, frame.base)
    const known = log.frames[place]
    if (known?.base === frame.base) {
      if (known.sum === frame.sum) known.heldBy.add(disk)
      else this.#tell({ kind: 'contradicted', disk, log: key, offset: frame.base })
      return
    }
    const before = log.frames[place - 1]
    if ((known !== undefined && known.base < frame.end) || (before !== undefined && before.end > frame.base)) {
      this.#tell({ kind: 'contradicted', disk, log: key, offset: frame.base })
      return
    }
    const fresh = { ...frame, heldBy: new Set([disk]), durableOn: new Set<string>(), everDurableOn: new Set<string>() }
    log.frames.splice(place, 0, fresh)
    const previous = before?.end === frame.base ? before.chain : undefined
    if ((frame.base === 0 || previous !== undefined) && chainOf(bytes, key, previous) !== frame.chain) {
      this.#tell({ kind: 'unchained', disk, log: key, offset: frame.base })
    }
    if (frame.records === undefined) this.#tell({ kind: 'unreadable', disk, log: key, offset: frame.base })
    if (log.topic === '_catalog') this.topics.learn(bytes)
    this.#tell({ kind: 'stored', disk, log: key, frame: fresh })
  }

  durable(disk: string, key: string, { base, sum }: StoredFrame): void {
    const frame = this.frameAt(key, base)
    if (frame?.sum !== sum) return
    const isFirst = frame.everDurableOn.size === 0
    const isFirstHere = !frame.everDurableOn.has(disk)
    frame.durableOn.add(disk)
    frame.everDurableOn.add(disk)
    if (isFirstHere) this.#tell({ kind: 'reached', disk, log: key, frame })
    if (isFirst) this.#tell({ kind: 'lasting', disk, log: key, frame })
  }

  gone(
    disk: string,
    key: string,
    { base, sum }: StoredFrame,
    how: GoneHow,
    wasDurable: boolean,
    topicBytes?: number,
  ): void {
    const frame = this.frameAt(key, base)
    if (frame?.sum !== sum) return
    frame.heldBy.delete(disk)
    frame.durableOn.delete(disk)
    this.#tell({ kind: 'gone', disk, log: key, frame, how, wasDurable, topicBytes })
  }

  /** This disk lost what it had said to have, or all it had: what was on it may be gone. */
  lost(disk: string): void {
    this.#unsound.add(disk)
  }

  isUnsound(disk: string): boolean {
    return this.#unsound.has(disk)
  }

  /** Disks of which this is so. */
  get unsound(): number {
    return this.#unsound.size
  }

  /** A node of this name uses this disk. */
  named(disk: string, name: string): void {
    this.#names.set(disk, (this.#names.get(disk) ?? new Set()).add(name))
  }

  /** How many nodes have used this disk, to those who know them by their names. */
  namesOf(disk: string): number {
    return this.#names.get(disk)?.size ?? 1
  }

  /** It is not there any more. */
  withoutDisk(disk: string): void {
    for (const { frames } of this.logs.values()) {
      for (const { heldBy, durableOn } of frames) {
        heldBy.delete(disk)
        durableOn.delete(disk)
      }
    }
  }

  /** Who writes under this name does not remember all that was written under it: its disk is another one. */
  forgot(origin: string): void {
    this.#forgetful.add(origin)
  }

  isForgetful(origin: string): boolean {
    return this.#forgetful.has(origin)
  }

  /** The frame that has this record. */
  frameAt(key: string, offset: number): KnownFrame | undefined {
    const frames = this.logs.get(key)?.frames ?? []
    const frame = frames[placeOf(frames, offset + 1) - 1]
    return frame !== undefined && offset < frame.end ? frame : undefined
  }

  /** The frames that have any record of `from` … `to - 1`; undefined where one of them is not known. */
  framesOf(key: string, from: number, to: number): KnownFrame[] | undefined {
    const frames: KnownFrame[] = []
    for (let at = from; at < to; ) {
      const frame = this.frameAt(key, at)
      if (frame === undefined) return undefined
      frames.push(frame)
      at = frame.end
    }
    return frames
  }

  #log(key: string): KnownLog {
    const known = this.logs.get(key)
    if (known !== undefined) return known
    const [topic, origin] = key.split('/') as [string, string]
    const log: KnownLog = { key, topic, origin, frames: [] }
    this.logs.set(key, log)
    return log
  }
}

/** Of the first frame that does not begin before the offset. */
function placeOf(frames: readonly StoredFrame[], offset: number): number {
  let [low, high] = [0, frames.length]
  // Logs grow at their ends.
  if (high > 0 && frames[high - 1]!.base < offset) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if (frames[middle]!.base < offset) low = middle + 1
    else high = middle
  }
  return low
}
