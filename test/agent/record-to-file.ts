/** Bundled into a node in place of its disk: whatever it does is told in a file, before anybody can see it. */

import { openSync, writeSync } from 'node:fs'
import type { Disk } from '../../src/env/env.ts'
import { encodeStep } from '../../src/simulation/recording/disk-step.ts'
import { recordingDisk } from '../../src/simulation/recording/recording-disk.ts'

/** The path of that file. */
export const recordingVariable = 'RECORD_DISK_TO'

/** One clock for all processes of the machine; since it started. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

export function recordToFile(disk: Disk): Disk {
  const path = process.env[recordingVariable]
  if (path === undefined) return disk
  const fd = openSync(path, 'a')
  return recordingDisk(disk, (step) => {
    const bytes = encodeStep({ atMs: monotonicMs(), step })
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
  })
}
