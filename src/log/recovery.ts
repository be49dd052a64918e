/**
 * Opening a log that was written before. Owns the decision where the log ends now: behind its last good frame, or
 * before the first that is damaged. Cuts nothing but the torn end of a last write, which was never visible, and zeros
 * behind the last frame; everything else that cannot stay is set aside in a folder of its own, and never deleted. The
 * log is then a shorter prefix of itself, which replication extends like any other.
 */

import type { Disk, DiskFile } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { parentOf, quarantineFolder, segmentFiles } from './data-dir.ts'
import { chainSeed, frameVersion, storedProducer, storedTimestamp } from './frame.ts'
import { isIndexed, loadIndex, saveIndex } from './index-file.ts'
import type { JournalEvent } from './journal.ts'
import { type LogId, logKey } from './log-id.ts'
import { LatestMarks } from './marked-batches.ts'
import { frameBehind, newerAt, type Place, scanFrames, sourceOfFile } from './scan.ts'
import { Segment, segmentName } from './segment.ts'
import type { LogSettings } from './settings.ts'
import { type LostStart, markStart } from './start-mark.ts'

export interface RecoveryOptions {
  readonly disk: Disk
  readonly id: LogId
  readonly folder: string
  readonly settings: LogSettings
  /** Every log that does not begin at 0 should say why. */
  readonly marked: boolean
  readonly report: (event: JournalEvent) => void
}

export interface Recovered {
  readonly id: LogId
  readonly segments: Segment[]
  readonly lost: LostStart | undefined
}

/**
 * The log's segments, none empty but for a bound that stands alone; to be shown only after `makeDurable`. Rejects with
 * `DiskError`, or `FORMAT_NEWER` where a later version wrote to it.
 */
export async function recoverLog(options: RecoveryOptions): Promise<Recovered> {
  const { disk, id, folder, settings, marked, report } = options
  const { bases, marks, unfinished, foreign } = segmentFiles(disk, folder)
  for (const { path, reason } of foreign) report({ kind: 'ignored', path, reason })
  for (const path of unfinished) disk.removeFile(path)
  const from = marks.at(-1) ?? 0
  const { files, bound } = dropEmpty(disk, folder, bases, marked ? from : Number.MAX_SAFE_INTEGER)
  if (bound !== undefined) await markStart(disk, folder, bound)
  const segments = bound === undefined ? await recoverSegments(options, files) : []
  if (segments.length === 0 && (bound ?? from) > 0) {
    // Nothing is left of it; what is behind the bound comes from a peer.
    const last = Segment.bound(folder, bound ?? from, settings.indexIntervalBytes)
    disk.open(last.path, 'write').close()
    segments.push(last)
  }
  const to = segments[0]?.base ?? 0
  if (from >= to || bound !== undefined) return { id, segments, lost: undefined }
  if (marked) report({ kind: 'lost', log: logKey(id), start: from, end: to })
  return { id, segments, lost: { from, to, unmarked: !marked } }
}

async function recoverSegments(
  options: RecoveryOptions,
  files: readonly { readonly base: number; readonly bytes: number }[],
): Promise<Segment[]> {
  const { disk, folder, settings } = options
  const segments: Segment[] = []
  const marks = new LatestMarks()
  const seed = chainSeed(options.id)
  let place: Place = { offset: files[0]?.base ?? 0, chain: undefined }
  if (place.offset === 0) place = { offset: 0, chain: seed }

  for (const [n, { base, bytes }] of files.entries()) {
    const next = files[n + 1]
    let segment = new Segment(folder, base, settings.indexIntervalBytes)
    if (base !== place.offset) {
      await setAside(options, files.slice(n), 0, place.offset)
      break
    }
    loadIndex(disk, segment, seed, bytes, next?.base, settings.indexIntervalBytes)
    const known = segment.bytes > 0
    let rest = fillFromScan(disk, segment, bytes, known ? { offset: segment.end, chain: segment.chain } : place)
    if (known && (rest === 'torn' || rest === 'damaged')) {
      // An index is a shortcut: what is cut or set aside of what was written is decided by the frames alone.
      segment = new Segment(folder, base, settings.indexIntervalBytes)
      rest = fillFromScan(disk, segment, bytes, place)
    }
    // No segment begins before they are cut for good; where the disk lied about that, they are still no harm.
    if (next && rest !== 'nothing' && !(rest === 'zeros' && segment.end === next.base)) rest = 'damaged'
    if (rest === 'damaged') await setAside(options, files.slice(n), segment.bytes, segment.end)
    else if (rest !== 'nothing') {
      await cutTail(options, segment, bytes, n === 0, rest)
      // All before it was trimmed: its name says where the log goes on.
      if (n === 0 && base > 0 && segment.bytes === 0) return [Segment.bound(folder, base, settings.indexIntervalBytes)]
    }
    if (next && rest !== 'damaged') saveIndex(disk, segment, seed)
    segment.index.compact()
    if (segment.bytes > 0) segments.push(segment)
    marks.note(segment)
    if (rest === 'damaged') break
    place = { offset: segment.end, chain: segment.chain }
  }
  // A list that was pushed to has room for many more, of which most logs need none.
  return segments.slice()
}

/**
 * A segment without bytes is what a crash or a full disk left of the moment it was begun. Where there is nothing else,
 * and all before it went by right, its name says where the log goes on. The first of several, in case of a power cut that
 * took what a relaxed node had not synced.
 */
function dropEmpty(
  disk: Disk,
  folder: string,
  bases: number[],
  trimmedTo: number,
): { files: { base: number; bytes: number }[]; bound: number | undefined } {
  const all = bases.map((base) => ({ base, bytes: disk.stat(`${folder}/${segmentName(base)}`)?.bytes ?? 0 }))
  const files = all.filter(({ bytes }) => bytes > 0)
  const [first = 0] = bases
  const bound = files.length === 0 && first > 0 && first <= trimmedTo ? first : undefined
  for (const { base, bytes } of all) {
    if (bytes === 0 && base !== bound) disk.removeFile(`${folder}/${segmentName(base)}`)
  }
  return { files, bound }
}

/** What is behind the last good frame of a segment; `torn`: the end of a write that did not end. */
type Rest = 'nothing' | 'zeros' | 'torn' | 'damaged'

/** Looks at what the segment's index did not speak of. */
function fillFromScan(disk: Disk, segment: Segment, fileBytes: number, from: Place): Rest {
  if (segment.bytes === fileBytes) return 'nothing'
  const file = disk.open(segment.path, 'read')
  try {
    const source = sourceOfFile(file, fileBytes)
    const scan = scanFrames(source, from, segment.bytes)
    for (let step = scan.next(); ; step = scan.next()) {
      if (step.done) {
        const { fault, position } = step.value
        if (fault === 'newer') throw newer(segment, position, newerAt(source, position))
        if (!fault) return 'nothing'
        if (fault === 'zeros') return 'zeros'
        return frameBehind(source, position) ? 'damaged' : 'torn'
      }
      const { frame } = step.value
      segment.extend({ ...step.value, timestamp: storedTimestamp(frame), producer: storedProducer(frame) })
    }
  } finally {
    file.close()
  }
}

/** It may be all that somebody has: nothing is cut or set aside, and nothing else is written beside it. */
function newer(segment: Segment, position: number, version: number | undefined): ReeveError {
  const message = `${segment.path} has a frame of version ${version} at byte ${position}`
  return new ReeveError('FORMAT_NEWER', `${message}; this version of Reeve knows frames up to ${frameVersion}`, {
    facts: { version: String(version), known: String(frameVersion) },
  })
}

async function cutTail(
  { disk, id, report }: RecoveryOptions,
  segment: Segment,
  fileBytes: number,
  isFirst: boolean,
  rest: Rest,
): Promise<void> {
  if (segment.bytes === 0 && !(isFirst && segment.base > 0)) disk.removeFile(segment.path)
  else await truncate(disk, segment.path, segment.bytes)
  if (rest === 'zeros') return
  report({ kind: 'tailCut', log: logKey(id), end: segment.end, cutBytes: fileBytes - segment.bytes })
}

/**
 * Moves these segments away, except for the first `goodBytes` of the first one, which stay. In an order that loses
 * nothing if it is interrupted: the next opening finds the same damage again.
 */
async function setAside(
  { disk, id, folder, report }: RecoveryOptions,
  files: readonly { base: number; bytes: number }[],
  goodBytes: number,
  end: number,
): Promise<void> {
  const aside = quarantineFolder(disk, folder)
  disk.makeFolder(aside)
  await disk.syncFolder(parentOf(folder))
  const damaged = goodBytes > 0 ? files[0] : undefined
  if (damaged) await copy(disk, `${folder}/${segmentName(damaged.base)}`, `${aside}/${segmentName(damaged.base)}`)
  // From the last one backwards, so that what is left in between is always a prefix.
  for (const { base } of files.slice(damaged ? 1 : 0).reverse()) {
    disk.rename(`${folder}/${segmentName(base)}`, `${aside}/${segmentName(base)}`)
  }
  await disk.syncFolder(aside)
  await disk.syncFolder(folder)
  if (damaged) await truncate(disk, `${folder}/${segmentName(damaged.base)}`, goodBytes)
  report({ kind: 'damaged', log: logKey(id), end, folder: aside })
}

async function copy(disk: Disk, from: string, to: string): Promise<void> {
  const source = disk.open(from, 'read')
  const target = disk.open(to, 'write')
  try {
    copyBytes(source, target, 0, source.size())
    await target.sync()
  } finally {
    source.close()
    target.close()
  }
}

async function truncate(disk: Disk, path: string, bytes: number): Promise<void> {
  const file = disk.open(path, 'write')
  try {
    file.truncate(bytes)
    await file.sync()
  } finally {
    file.close()
  }
}

/**
 * A process that died between write and sync leaves frames that verify but that a power cut could still take: they
 * become visible now, so they become durable now. Where that sync had failed, the system may take for clean what the
 * disk does not have: only what is written anew is written at all. Earlier segments were synced before the last one was
 * begun, and what an index speaks of before that was written; the index speaks of all of it from now on.
 */
export async function makeDurable(
  disk: Disk,
  logs: readonly { readonly id: LogId; readonly segments: readonly Segment[] }[],
): Promise<void> {
  const folders = new Set<string>()
  const unsure: Segment[] = []
  for (const last of logs.map(({ segments }) => segments.at(-1))) {
    if (!last || (isIndexed(last) && last.bytes > 0)) continue
    unsure.push(last)
    let folder = last.folder
    // Epoch, origin, topic, and `topics`, which holds the topic's name.
    for (let level = 0; level < 4; level++, folder = parentOf(folder)) folders.add(folder)
  }
  // Some at a time: each waits for the device, and each file is open meanwhile.
  for (let at = 0; at < unsure.length; at += 16) {
    await Promise.all(unsure.slice(at, at + 16).map((segment) => writeAnew(disk, segment)))
  }
  const all = [...folders]
  for (let at = 0; at < all.length; at += 16) {
    await Promise.all(all.slice(at, at + 16).map((folder) => disk.syncFolder(folder)))
  }
  for (const { id, segments } of logs) {
    const last = segments.at(-1)
    if (last) saveIndex(disk, last, chainSeed(id))
  }
}

async function writeAnew(disk: Disk, { path, indexedBytes, bytes }: Segment): Promise<void> {
  const file = disk.open(path, 'write')
  try {
    copyBytes(file, file, indexedBytes, bytes)
    await file.sync()
  } finally {
    file.close()
  }
}

function copyBytes(source: DiskFile, target: DiskFile, from: number, to: number): void {
  const chunk = new Uint8Array(Math.min(to - from, 1024 * 1024))
  for (let at = from; at < to; ) {
    const count = source.read(chunk.subarray(0, Math.min(chunk.length, to - at)), at)
    if (count === 0) return
    target.write(chunk.subarray(0, count), at)
    at += count
  }
}
