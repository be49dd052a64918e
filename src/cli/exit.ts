/** How a command ends: a code for scripts, a line for people. */

import { type ErrorCode, GrpcCode, type ReeveError, toReeveError } from '../errors.ts'

export const Exit = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 3,
  denied: 4,
  damaged: 5,
} as const

export const exitCodeHelp = `Exit codes:
  0  done
  1  failed
  2  wrong flags, arguments or configuration
  3  no server answered in time, or the outcome is unknown
  4  not allowed
  5  stored data is damaged or lost`

/** Of files that the settings name: as wrong as a wrong setting, whatever a caller over the network would be told. */
const settingCodes: ReadonlySet<ErrorCode> = new Set(['TLS_INVALID', 'ACL_INVALID', 'KEYRING_INVALID'])

export function exitCodeOf(error: ReeveError): number {
  if (settingCodes.has(error.code)) return Exit.usage
  switch (error.grpc) {
    case GrpcCode.UNAVAILABLE:
    case GrpcCode.DEADLINE_EXCEEDED:
    case GrpcCode.UNKNOWN:
      return Exit.unavailable
    case GrpcCode.PERMISSION_DENIED:
    case GrpcCode.UNAUTHENTICATED:
      return Exit.denied
    case GrpcCode.DATA_LOSS:
      return Exit.damaged
    case GrpcCode.INVALID_ARGUMENT:
      return Exit.usage
    default:
      return Exit.failure
  }
}

/** Writes the error to stderr, one line a problem, and gives the exit code. A stack only with `REEVE_DEBUG`. */
export function reportError(thrown: unknown, json = false): number {
  const error = toReeveError(thrown)
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: { code: error.code, message: error.message, ...error.facts } })}\n`)
  } else {
    for (const line of error.message.split('\n')) process.stderr.write(`reeve: ${line}\n`)
  }
  if (process.env.REEVE_DEBUG) process.stderr.write(`${error.stack}\n${causeOf(error)}`)
  return exitCodeOf(error)
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `caused by ${error.cause.stack}\n` : ''
}
