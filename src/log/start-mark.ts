/**
 * What a log remembers of its beginning: an empty file `00000000000000000042.start` in its folder says that all before 42
 * went by right (by a limit, a deletion, or as nobody had it any more). It is there before the first byte goes, so that what
 * is missing without a word is known to be lost. Its whole content is its name, which cannot be torn.
 */

import type { Disk } from '../env/env.ts'
import { segmentFiles } from './data-dir.ts'

export function startMark(start: number): string {
  return `${String(start).padStart(20, '0')}.start`
}

/** From now on, and for ever, all before `start` may be missing. Rejects with `DiskError`. */
export async function markStart(disk: Disk, folder: string, start: number): Promise<void> {
  const { marks } = segmentFiles(disk, folder)
  const latest = marks.at(-1)
  if (latest !== undefined && latest >= start) return
  const path = `${folder}/${startMark(start)}`
  // A disk that is full has no room for a new name, mostly, but for another one.
  if (latest === undefined) disk.open(path, 'write').close()
  else disk.rename(`${folder}/${startMark(latest)}`, path)
  await disk.syncFolder(folder)
}

/** What is missing at the beginning of a log: the records from `from` to the first that is here. */
export interface LostStart {
  readonly from: number
  /** Where the first segment begins. */
  readonly to: number
  /** Left by a version that marked nothing: more likely it was trimmed. */
  readonly unmarked: boolean
}
