/** What a disk answers to a write, as the log sees it. */

import { DiskError } from '../env/env.ts'
import { type ErrorCode, ReeveError } from '../errors.ts'
import type { LogWorld } from './log-world.ts'

export function isFull(error: unknown): boolean {
  return error instanceof DiskError && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}

/** One of ours stays what it is. */
export function reeveError(error: unknown, code: ErrorCode, message: string): ReeveError {
  return error instanceof ReeveError ? error : new ReeveError(code, message, { cause: error })
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What recovery would drop too; if it cannot be removed it stays, empty. */
export function removeEmpty({ disk, files }: LogWorld, path: string): void {
  files.close(path)
  try {
    disk.removeFile(path)
  } catch {}
}
