import * as fs from 'node:fs'
import { dirname } from 'node:path'

/** Like `mkdir -p`. Node's own (`recursive`) never returns where a folder that exists refuses with ENOENT, as /proc does. */
export function makeFolder(path: string): void {
  try {
    fs.mkdirSync(path)
  } catch (error) {
    if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || fs.existsSync(dirname(path))) throw error
    makeFolder(dirname(path))
    makeFolder(path)
  }
}
