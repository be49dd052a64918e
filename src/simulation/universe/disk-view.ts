/**
 * What lies on one disk, log by log, as seen from below the node that uses it: which frames are there, and which of them a
 * power cut would leave. Looks only at files that changed, and in them only at what did. Owns no judgement.
 */

import type { DiskWitness } from '../disk.ts'
import type { FileContent } from '../file-content.ts'
import { type FileTree, Folder } from '../file-tree.ts'
import { type StoredFrame, storedFrames } from './stored-frames.ts'

/**
 * `removed`: with its file. `setAside`: its file got a name of no log. `cut`: its file is there and does not have it.
 * `behindDamage`: one of these, but something before it in its log was not there any more: who opens that log may not let
 * it go on there, and sets the rest aside. `thrownAway`: so it is, but no file of the disk has it any more.
 */
export type GoneHow = 'removed' | 'setAside' | 'cut' | 'crash' | 'behindDamage' | 'thrownAway'

/** A disk as it is seen from below: a simulated one, or what a recording of a real one tells. */
export interface WatchedDisk {
  readonly tree: FileTree
  witness: DiskWitness | undefined
}

export interface DiskListener {
  /** A frame that this disk did not have; `bytes` are its own. */
  held(log: string, frame: StoredFrame, bytes: Uint8Array): void
  /** One that is there and that a power cut would leave. */
  durable(log: string, frame: StoredFrame): void
  /**
   * One that is not there any more. `wasDurable`: no power cut could have taken it. `topicBytes`: of all frames of its
   * topic, at most so many were here with those of its file, which was the first of its log and is followed by another.
   */
  gone(log: string, frame: StoredFrame, how: GoneHow, wasDurable: boolean, topicBytes?: number): void
}

interface Held {
  readonly frame: StoredFrame
  durable: boolean
}

interface Segment {
  readonly path: string
  readonly log: string
  readonly file: FileContent
  frames: Held[]
  version: number
  nameDurable: boolean
  /** Of `frames`, those before this place are durable. */
  settled: number
  /** Once it lost its name: offset from which on something before was missing then. */
  damagedAt?: number
}

const segmentPath = /\/topics\/([^/]+\/[^/]+\/[0-9a-f]{8}-[0-9a-f-]{27})\/\d{20}\.log$/

export class DiskView implements DiskWitness {
  readonly disk: WatchedDisk
  readonly #listener: DiskListener
  readonly #segments = new Map<string, Segment>()
  readonly #byFile = new Map<FileContent, Segment>()
  readonly #byLog = new Map<string, Set<Segment>>()
  /** To be looked at: something changed, or not all is durable yet. */
  readonly #dirty = new Set<Segment>()
  readonly #removed = new Map<FileContent, Segment>()
  #crashed = false

  /** Sees what is there already, and from now on what happens. */
  constructor(disk: WatchedDisk, listener: DiskListener) {
    this.disk = disk
    this.#listener = listener
    disk.witness = this
    this.#walk()
  }

  changed(file: FileContent): void {
    const segment = this.#byFile.get(file)
    if (segment !== undefined) this.#dirty.add(segment)
  }

  named(path: string, file: FileContent): void {
    const log = segmentPath.exec(path)?.[1]
    if (log === undefined) return
    const segment: Segment = { path, log, file, frames: [], version: -1, nameDurable: false, settled: 0 }
    file.changedFrom = 0
    this.#segments.set(path, segment)
    this.#byFile.set(file, segment)
    this.#byLog.set(log, (this.#byLog.get(log) ?? new Set()).add(segment))
    this.#dirty.add(segment)
  }

  unnamed(path: string, file: FileContent): void {
    const segment = this.#segments.get(path)
    if (segment === undefined || segment.file !== file) return
    // It may have got frames that nobody has looked at, and a sync that made them last, on which somebody counts.
    this.#read(segment, 'cut')
    this.#settle(segment)
    segment.damagedAt = this.#damagedAt(segment)
    this.#forget(segment)
    this.#removed.set(file, segment)
  }

  crashed(): void {
    this.#crashed = true
  }

  /** Tells all that happened since the last time. */
  look(): void {
    // How much of a topic there was when a file of it went is known once the others were read.
    if (!this.#crashed) this.#readDirty()
    if (this.#removed.size > 0) this.#tellRemoved()
    if (this.#crashed) this.#walk()
    this.#readDirty()
    this.#crashed = false
  }

  #readDirty(): void {
    for (const segment of this.#dirty) {
      if (segment.version !== segment.file.version) this.#read(segment, this.#crashed ? 'crash' : 'cut')
      if (this.#settle(segment)) this.#dirty.delete(segment)
    }
  }

  /** The bounds of a log's frames here, those of one file after the other; and where one does not follow the one before. */
  bounds(log: string): { start: number; end: number; gapAt: number | undefined } | undefined {
    const frames = [...(this.#byLog.get(log) ?? [])]
      .flatMap((segment) => segment.frames)
      .sort((one, other) => one.frame.base - other.frame.base)
    if (frames.length === 0) return undefined
    const gap = frames.findIndex(({ frame }, at) => at > 0 && frame.base !== frames[at - 1]!.frame.end)
    const end = frames.at(-1)!.frame.end
    return { start: frames[0]!.frame.base, end, gapAt: gap === -1 ? undefined : frames[gap]!.frame.base }
  }

  /** Bytes of all frames of a topic that are here now. */
  #topicBytes(topic: string): number {
    let bytes = 0
    for (const { log, frames } of this.#segments.values()) {
      if (log.startsWith(`${topic}/`)) for (const { frame } of frames) bytes += frame.bytes
    }
    return bytes
  }

  #tellRemoved(): void {
    const removed = [...this.#removed]
    const sizes = this.#sizesBefore(removed.map(([, segment]) => segment))
    for (const [at, [file, { log, frames, damagedAt = Number.POSITIVE_INFINITY }]] of removed.entries()) {
      const how = hasName(this.disk, file) ? 'setAside' : 'removed'
      if (this.#byFile.has(file)) continue
      for (const { frame, durable } of frames) {
        if (frame.base >= damagedAt) this.#listener.gone(log, frame, this.#behindDamage(frame), durable)
        else this.#listener.gone(log, frame, how, durable, sizes[at])
      }
    }
    this.#removed.clear()
  }

  /** Of the topic of each of these files when it went; undefined: it was not the first part of a log that goes on. */
  #sizesBefore(removed: readonly Segment[]): (number | undefined)[] {
    const sizes = new Map<string, number>()
    const bases = new Map<string, Set<number | undefined>>()
    return removed
      .toReversed()
      .map(({ log, frames }) => {
        const topic = log.slice(0, log.indexOf('/'))
        const later = bases.get(log) ?? new Set([...(this.#byLog.get(log) ?? [])].map(firstBase))
        const bytes = frames.reduce((sum, { frame }) => sum + frame.bytes, sizes.get(topic) ?? this.#topicBytes(topic))
        sizes.set(topic, bytes)
        bases.set(log, new Set(later).add(frames[0]?.frame.base))
        return later.has(frames.at(-1)?.frame.end) ? bytes : undefined
      })
      .toReversed()
  }

  /** After a crash any file may be there or not: names that came back, or went, are told as they are found. */
  #walk(): void {
    const found = new Map<string, FileContent>()
    walk(this.disk.tree.root, '', (path, file) => found.set(path, file))
    for (const segment of [...this.#segments.values()]) {
      if (found.get(segment.path) === segment.file) {
        this.#dirty.add(segment)
        continue
      }
      this.#forget(segment)
      for (const { frame, durable } of segment.frames) this.#listener.gone(segment.log, frame, 'crash', durable)
    }
    for (const [path, file] of found) if (!this.#segments.has(path)) this.named(path, file)
  }

  #forget(segment: Segment): void {
    this.#segments.delete(segment.path)
    this.#byFile.delete(segment.file)
    this.#byLog.get(segment.log)?.delete(segment)
    this.#dirty.delete(segment)
  }

  #read(segment: Segment, how: GoneHow): void {
    const { file, log } = segment
    segment.version = file.version
    const from = file.changedFrom
    file.changedFrom = Number.POSITIVE_INFINITY
    if (from === Number.POSITIVE_INFINITY) return
    // From the end, where files grow: what changed is mostly behind all frames.
    let kept = segment.frames.length
    for (; kept > 0; kept--) {
      const { at, bytes } = segment.frames[kept - 1]!.frame
      if (at + bytes <= from) break
    }
    const before = segment.frames.splice(kept)
    const last = segment.frames.at(-1)?.frame
    const at = last === undefined ? 0 : last.at + last.bytes
    const bytes = new Uint8Array(Math.max(0, file.filledTo - at))
    file.read(bytes, at)
    segment.settled = Math.min(segment.settled, segment.frames.length)
    const known = new Map(before.map((held) => [held.frame.sum, held]))
    for (const frame of storedFrames(bytes, at)) {
      const same = known.get(frame.sum)
      known.delete(frame.sum)
      segment.frames.push(same === undefined ? { frame, durable: false } : { frame, durable: same.durable })
      if (same === undefined)
        this.#listener.held(log, frame, bytes.subarray(frame.at - at, frame.at - at + frame.bytes))
    }
    if (known.size === 0) return
    const damagedAt = how === 'cut' ? gapIn([...segment.frames.slice(0, kept), ...before]) : Number.POSITIVE_INFINITY
    for (const { frame, durable } of known.values()) {
      if (frame.base < damagedAt) this.#listener.gone(log, frame, how, durable)
      // What its file still has room for was not thrown away: it is damaged itself.
      else if (frame.at + frame.bytes <= file.size) this.#listener.gone(log, frame, 'behindDamage', durable)
      else this.#listener.gone(log, frame, this.#behindDamage(frame), durable)
    }
  }

  /** Asks all files, whatever their names: damage is rare. */
  #behindDamage({ sum, bytes: length }: StoredFrame): 'behindDamage' | 'thrownAway' {
    for (const file of this.disk.tree.files()) {
      if (file.size < length) continue
      const bytes = new Uint8Array(file.filledTo)
      file.read(bytes, 0)
      if (storedFrames(bytes, 0).some((frame) => frame.sum === sum)) return 'behindDamage'
    }
    return 'thrownAway'
  }

  /** The offset from which on something before is missing, in this file or between it and those before it. */
  #damagedAt({ log, frames }: Segment): number {
    return Math.min(gapIn(frames), this.bounds(log)?.gapAt ?? Number.POSITIVE_INFINITY)
  }

  /** True: all of it is durable. */
  #settle(segment: Segment): boolean {
    const { file, frames, log } = segment
    if (segment.settled === frames.length) return true
    segment.nameDurable ||= this.#isNameDurable(segment)
    if (!segment.nameDurable) return false
    const first = frames[segment.settled]!.frame.at
    const size = Math.max(0, file.durableSize - first)
    const bytes = file.isDurable ? undefined : new Uint8Array(size)
    if (bytes !== undefined) file.readDurable(bytes, first)
    for (; segment.settled < frames.length; segment.settled++) {
      const held = frames[segment.settled]!
      const { at, bytes: length, sum } = held.frame
      if (bytes !== undefined) {
        if (at - first + length > size) return false
        if (storedFrames(bytes.subarray(at - first, at - first + length), at)[0]?.sum !== sum) return false
      }
      if (!held.durable) this.#listener.durable(log, held.frame)
      held.durable = true
    }
    return true
  }

  #isNameDurable({ path, file }: Segment): boolean {
    let node: Folder | FileContent | undefined = this.disk.tree.root
    for (const name of path.split('/').slice(1)) {
      if (!(node instanceof Folder)) return false
      node = node.durable.get(name)
    }
    return node === file
  }
}

/** The offset of the first frame that does not lie right behind the one before it. */
function gapIn(frames: readonly Held[]): number {
  let end = 0
  for (const { frame } of frames) {
    if (frame.at !== end) return frame.base
    end = frame.at + frame.bytes
  }
  return Number.POSITIVE_INFINITY
}

function firstBase({ frames }: Segment): number | undefined {
  return frames[0]?.frame.base
}

function walk(folder: Folder, path: string, visit: (path: string, file: FileContent) => void): void {
  for (const [name, node] of folder.entries) {
    if (node instanceof Folder) walk(node, `${path}/${name}`, visit)
    else visit(`${path}/${name}`, node)
  }
}

function hasName(disk: WatchedDisk, file: FileContent): boolean {
  for (const other of disk.tree.files()) if (other === file) return true
  return false
}
