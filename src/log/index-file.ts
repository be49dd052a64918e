/**
 * The file beside a segment that keeps its index, so that a start need not look at every frame. Owns when it is written,
 * and how far its word is taken. It is derived from the frames: what cannot be written or read here costs a scan some
 * day, and nothing fails for it. Never decides about the frames themselves.
 */

import type { Disk } from '../env/env.ts'
import type { Segment } from './segment.ts'
import { SparseIndex } from './sparse-index.ts'

/** The index of a segment that is being written is saved each time it has grown by so much. */
const indexedEveryBytes = 4 * 1024 * 1024

/** The file speaks of all that is visible. */
export function isIndexed({ bytes, indexedBytes }: Segment): boolean {
  return indexedBytes === bytes
}

/** `seed`: the chain before the log's first frame. */
export function saveIndex(disk: Disk, segment: Segment, seed: bigint): void {
  if (isIndexed(segment) || segment.corrupt) return
  try {
    const bytes = segment.index.encode(segment.summary, seed, segment.marked)
    const file = disk.open(indexPath(segment), 'write')
    try {
      file.write(bytes, 0)
      file.truncate(bytes.length)
    } finally {
      file.close()
    }
    segment.indexedBytes = segment.bytes
  } catch {
    // A full or failing disk shows itself at the next write of records.
  }
}

/** Bounds how much of a segment a start after a crash has to look at. */
export function saveIndexNowAndThen(disk: Disk, segment: Segment, seed: bigint): void {
  if (segment.bytes - segment.indexedBytes >= indexedEveryBytes) saveIndex(disk, segment, seed)
}

/**
 * Takes the index file's word for what it speaks of: frames that were durable when it was written, whatever became of
 * what follows them. `end` is where the whole segment must end, undefined: not known. Nothing where there is no such
 * word.
 */
export function loadIndex(
  disk: Disk,
  segment: Segment,
  seed: bigint,
  fileBytes: number,
  end: number | undefined,
  intervalBytes: number,
): void {
  let stored: Uint8Array
  try {
    stored = disk.readFile(indexPath(segment))
  } catch {
    return
  }
  const found = SparseIndex.decode(stored, seed, intervalBytes)
  if (!found) return
  const { index, summary } = found
  const whole = summary.bytes === fileBytes
  if (summary.base !== segment.base || index.length === 0 || summary.bytes > fileBytes) return
  // Before version 3 only segments that were full had an index.
  if (found.version < 3 && (!whole || end === undefined)) return
  if (end !== undefined && (whole ? summary.end !== end : summary.end >= end)) return
  segment.index = index
  segment.marked = found.marked
  segment.end = summary.end
  segment.bytes = summary.bytes
  segment.chain = summary.chain
  segment.timestamp = summary.timestamp
  segment.indexedBytes = summary.bytes
}

/** So that the next opening looks at every byte of this segment. */
export function dropIndex(disk: Disk, segment: Segment): void {
  segment.indexedBytes = 0
  try {
    disk.removeFile(indexPath(segment))
  } catch {
    // There was none, or the disk is failing; then the offline check still finds the damage.
  }
}

function indexPath({ path }: Segment): string {
  return path.replace(/log$/, 'index')
}
