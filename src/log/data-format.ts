/**
 * DATA_DIR/format: the version of the layout of a data folder, in one line. What older versions left has none, and is
 * of version 1.
 */

import { type Disk, DiskError } from '../env/env.ts'
import { ReeveError } from '../errors.ts'

const version = 1
const pattern = /^reeve ([1-9][0-9]{0,8})\n$/

/** Throws `FORMAT_NEWER`, or `DATA_DIR_UNUSABLE` where the file says something else altogether. */
export async function checkDataFormat(disk: Disk, dataDir: string): Promise<void> {
  const path = `${dataDir}/format`
  if (!disk.stat(path)) {
    // What is full now may have room at the next start.
    await disk.replaceFile(path, new TextEncoder().encode(`reeve ${version}\n`)).catch(unlessDisk)
    return
  }
  const found = pattern.exec(new TextDecoder().decode(disk.readFile(path)))?.[1]
  if (found === undefined) throw new ReeveError('DATA_DIR_UNUSABLE', `${path} is not what Reeve writes there`)
  if (Number(found) <= version) return
  throw new ReeveError('FORMAT_NEWER', `${dataDir} is of version ${found}; this version of Reeve knows ${version}`, {
    facts: { version: found, known: String(version) },
  })
}

function unlessDisk(error: unknown): void {
  if (!(error instanceof DiskError)) throw error
}
