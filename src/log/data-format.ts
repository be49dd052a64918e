/**
 * DATA_DIR/format: the version of the layout of a data folder, in one line. What older versions left has none, and is
 * of version 1.
 *
 * Since version 2 a log that does not begin at 0 is marked to begin where it does; of an older folder nobody can tell what
 * was trimmed and what is lost, so it stays of its version until all its logs are marked.
 */

import { type Disk, DiskError } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { topicsFolder } from './data-dir.ts'

const version = 2
const pattern = /^reeve ([1-9][0-9]{0,8})\n$/

/**
 * Gives the version of what is there; 0: nothing. Throws `FORMAT_NEWER`, or `DATA_DIR_UNUSABLE` where the file says something
 * else altogether.
 */
export function readDataFormat(disk: Disk, dataDir: string): number {
  const path = `${dataDir}/format`
  if (!disk.stat(path)) return disk.list(topicsFolder(dataDir)).length > 0 ? 1 : 0
  const found = pattern.exec(new TextDecoder().decode(disk.readFile(path)))?.[1]
  if (found === undefined) throw new ReeveError('DATA_DIR_UNUSABLE', `${path} is not what Reeve writes there`)
  if (Number(found) <= version) return Number(found)
  throw new ReeveError('FORMAT_NEWER', `${dataDir} is of version ${found}; this version of Reeve knows ${version}`, {
    facts: { version: found, known: String(version) },
  })
}

/** All that is there is of the present version now. What is full may have room at the next start. */
export async function writeDataFormat(disk: Disk, dataDir: string): Promise<void> {
  await disk.replaceFile(`${dataDir}/format`, new TextEncoder().encode(`reeve ${version}\n`)).catch(unlessDisk)
}

function unlessDisk(error: unknown): void {
  if (!(error instanceof DiskError)) throw error
}
