/** A Node.js of another version, where `node .tools/other-node.mjs` has put one. */

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface OtherNode {
  /** Path of the program. */
  readonly program: string
  /** As `v24.1.0`. */
  readonly version: string
}

export const noOtherNode = 'no second version of Node.js; `node .tools/other-node.mjs` fetches one'

export function otherNode(): OtherNode | undefined {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const cache = join(import.meta.dirname, '..', 'node_modules', '.cache', 'other-node')
  const program = join(cache, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (!existsSync(program)) return undefined
  const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim()
  return version === process.version ? undefined : { program, version }
}
