/**
 * How the beginning of a log goes: whole segments, the oldest first, each gone for good before the next one follows, so
 * that what a crash leaves is always one piece; marked before it goes, so that it is known to be gone by right. A log of which nothing is left is an empty file whose name says where it
 * goes on: what was trimmed is remembered, and does not come back from a peer.
 *
 * Never: takes a part of a segment, or the end of a log away from under its writer.
 */

import type { Disk } from '../env/env.ts'
import { parentOf, quarantineFolder } from './data-dir.ts'
import { dropIndex } from './index-file.ts'
import type { LogWorld } from './log-world.ts'
import type { LogWriter } from './log-writer.ts'
import { Segment, segmentName } from './segment.ts'
import { markStart } from './start-mark.ts'

/** A log, as far as its beginning is concerned. */
export interface Trimmable {
  readonly world: LogWorld
  readonly folder: string
  readonly segments: Segment[]
  readonly writer: LogWriter
  readonly makeFolder: () => void
}

/**
 * Removes the segments that end at `to` or before; the last one too where nothing of the log lies behind `to`. `next` is
 * told of the bytes of each, and awaited before the next one; false: no more. Resolves with false where the last segment
 * is being written: it is the last one no longer, and can go later. Rejects with `DiskError`; what is left then is whole.
 */
export async function trimLog(log: Trimmable, to: number, next: (bytes: number) => Promise<boolean>): Promise<boolean> {
  for (;;) {
    const first = log.segments[0]
    if (!first || first.bytes === 0 || first.end > to) return true
    if (log.segments.length === 1 && !(await seal(log))) return false
    await markStart(log.world.disk, log.folder, first.end)
    // What was lost before it may have been restored meanwhile.
    if (log.segments[0] !== first) continue
    remove(log, first, undefined)
    log.segments.shift()
    await log.world.disk.syncFolder(log.folder)
    if (!(await next(first.bytes))) return true
  }
}

/** Puts an empty segment behind the last one. False where the writer has not come to rest; then it begins one itself. */
async function seal({ world, folder, segments, writer }: Trimmable): Promise<boolean> {
  const last = segments.at(-1) as Segment
  writer.roll()
  if (!writer.quiet) return false
  makeEmpty(world.disk, folder, last.end)
  await world.disk.syncFolder(folder)
  const path = `${folder}/${segmentName(last.end)}`
  if (!writer.quiet || !writer.rolled || segments.at(-1) !== last || !world.disk.stat(path)) return false
  segments.push(Segment.bound(folder, last.end, world.settings.indexIntervalBytes, last))
  return true
}

/**
 * Lets a copy that ends before `start` begin anew there. What it held is deleted, or set aside where `keep` is true;
 * the folder it lies in then is returned. Only while the writer is quiet and stays so. Rejects with `DiskError`.
 */
export async function beginAnew(log: Trimmable, start: number, keep: boolean): Promise<string | undefined> {
  const { world, folder, segments, writer } = log
  if (segments.length === 0) log.makeFolder()
  await markStart(world.disk, folder, start)
  makeEmpty(world.disk, folder, start)
  await writer.syncFolders()
  const bound = Segment.bound(folder, start, world.settings.indexIntervalBytes)
  const aside = keep && segments.some(({ bytes }) => bytes > 0) ? quarantineFolder(world.disk, folder) : undefined
  if (aside !== undefined) {
    world.disk.makeFolder(aside)
    await world.disk.syncFolder(parentOf(folder))
  }
  while (segments.length > 0) {
    remove(log, segments[0] as Segment, aside)
    // The log is never without a place where it goes on.
    if (segments.length > 1) segments.shift()
    else break
    if (aside !== undefined) await world.disk.syncFolder(aside)
    await world.disk.syncFolder(folder)
  }
  segments.splice(0, 1, bound)
  writer.resume()
  if (aside !== undefined) await world.disk.syncFolder(aside)
  await world.disk.syncFolder(folder)
  return aside
}

function makeEmpty(disk: Disk, folder: string, base: number): void {
  disk.open(`${folder}/${segmentName(base)}`, 'write').close()
}

function remove({ world }: Trimmable, segment: Segment, aside: string | undefined): void {
  const { disk, files } = world
  files.close(segment.path)
  dropIndex(disk, segment)
  if (aside === undefined || segment.bytes === 0) disk.removeFile(segment.path)
  else disk.rename(segment.path, `${aside}/${segmentName(segment.base)}`)
}
