/** What the disk does when nothing else is asked of it: appends each group to one file and syncs it. */

import { closeSync, fdatasync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface DiskRequest {
  readonly folder: string
  /** Of one unit, and how many of them each write has. */
  readonly bytes: number
  readonly groups: readonly number[]
}

export interface Written {
  readonly tookMs: number
  readonly syncMs: number[]
}

export async function run({ folder, bytes, groups }: DiskRequest): Promise<Written> {
  const sync = promisify(fdatasync)
  const source = new Uint8Array(bytes * Math.max(...groups)).fill(1)
  const path = join(folder, 'written')
  const fd = openSync(path, 'w')
  const syncMs: number[] = []
  const beganMs = performance.now()
  try {
    for (const count of groups) {
      const groupMs = performance.now()
      writeSync(fd, source, 0, count * bytes)
      await sync(fd)
      syncMs.push(performance.now() - groupMs)
    }
  } finally {
    closeSync(fd)
  }
  const tookMs = performance.now() - beganMs
  rmSync(path)
  return { tookMs, syncMs }
}
