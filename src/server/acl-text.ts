/**
 * What the ACL's model and policy files have in common: lines with numbers, and the refusal of anything that looks
 * half-written. A file cut short can grant more than the whole one (a matcher without its last condition, a role's name
 * without its end), so the newline at the end is required as the sign that the last line is all there.
 */

import { ReeveError } from '../errors.ts'

export type AclFile = 'model' | 'policy'

export interface AclLine {
  /** Counted from 1, as editors do. */
  readonly number: number
  readonly text: string
}

const bytesMax = 1024 * 1024

export function aclError(file: AclFile, line: number | undefined, problem: string, cause?: unknown): ReeveError {
  return new ReeveError('ACL_INVALID', `ACL ${file}${line === undefined ? '' : `, line ${line}`}: ${problem}`, {
    facts: line === undefined ? { file } : { file, line: String(line) },
    cause,
  })
}

/** The lines that say something, trimmed; comments start with `#` at the beginning of a line. Throws `ACL_INVALID`. */
export function aclLines(file: AclFile, text: string): AclLine[] {
  if (text.length > bytesMax) throw aclError(file, undefined, `it is larger than ${bytesMax} bytes`)
  const all = text.replace(/^\uFEFF/, '').split('\n')
  const lines: AclLine[] = []
  for (const [index, raw] of all.entries()) {
    const number = index + 1
    const line = raw.trim()
    // U+FFFD stands where bytes were not UTF-8.
    if (/[\u0000-\u0008\u000b-\u001f\u007f\ufffd]/.test(line)) {
      throw aclError(file, number, 'a character that does not belong into a text file')
    }
    if (line !== '' && !line.startsWith('#')) lines.push({ number, text: line })
  }
  if (lines.length === 0) throw aclError(file, undefined, 'it is empty')
  if (all.at(-1) !== '') throw aclError(file, all.length, 'no newline at its end: the file may be half-written')
  return lines
}
