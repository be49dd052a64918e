import { isIndexed, saveIndex } from './index-file.ts'
import type { LogEnd, LogWorld } from './log-world.ts'

/**
 * What recovery trusts of the last segment before another one begins: only the last of all can end in a torn frame or in
 * zeros, and an index speaks of durable frames only. Rejects with `DiskError`.
 */
export async function finishSegment({ disk, files, settings }: LogWorld, log: LogEnd): Promise<void> {
  const last = log.segments.at(-1)
  if (!last) return
  const hasZeros = files.mayHaveZeros(last.path)
  if (hasZeros || (settings.durability !== 'fsync' && !isIndexed(last))) {
    const file = files.writing(last.path)
    try {
      await (hasZeros ? file.cut(last.bytes) : file.sync())
    } finally {
      files.release(last.path)
    }
  }
  if (isIndexed(last)) return
  saveIndex(disk, last, log.firstChain)
  last.marked = undefined
}
