import { DiskError } from './env.ts'

/** Any errno error of Node's file calls, as ours. */
export function diskError(path: string, error: unknown): DiskError {
  if (error instanceof DiskError) return error
  const { code, message } = error as NodeJS.ErrnoException
  return new DiskError(code ?? 'EIO', path, message, { cause: error })
}
