/** A disk of a few bytes, in memory, that can be filled and taken away: a tmpfs of its own. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missing } from '../component.ts'

const run = (command: string, ...words: string[]) => {
  execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] })
}

export function withoutSmallDisks(): string | false {
  let reason: string
  if (process.platform !== 'linux' || process.getuid?.() !== 0) reason = 'mounting a disk needs Linux and root'
  else {
    try {
      new SmallDisk(4096).end()
      return false
    } catch (error) {
      reason = `nothing can be mounted here: ${(error as Error).message}`
    }
  }
  return missing(reason)
}

export class SmallDisk {
  readonly path: string
  readonly #endAtExit = () => this.end()
  #mounted = true

  constructor(bytes: number) {
    this.path = mkdtempSync(join(tmpdir(), 'reeve-disk-'))
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'reeve-test', this.path)
    process.once('exit', this.#endAtExit)
  }

  remount(mode: 'ro' | 'rw'): void {
    run('mount', '-o', `remount,${mode}`, this.path)
  }

  /** No byte is free any more. */
  fill(): void {
    for (let n = 0, bytes = 1024 * 1024; bytes >= 1; ) {
      try {
        writeFileSync(`${this.path}/filler-${n++}`, new Uint8Array(bytes))
      } catch {
        bytes >>>= 1
      }
    }
  }

  /** What `fill` took is free again. */
  free(): void {
    for (const name of readdirSync(this.path)) if (name.startsWith('filler-')) rmSync(join(this.path, name))
  }

  /** Gone, with all that was on it. */
  end(): void {
    if (!this.#mounted) return
    this.#mounted = false
    process.removeListener('exit', this.#endAtExit)
    run('umount', '--lazy', this.path)
    rmdirSync(this.path)
  }
}
