import type { Disk, DiskFile } from '../env/env.ts'
import { ReeveError } from '../errors.ts'

interface OpenFile {
  readonly file: DiskFile
  users: number
}

/**
 * The open files of all logs. Keeps the most recently used ones open, closes idle ones beyond `max`; files in use for
 * writing stay open even when they are more.
 */
export class OpenFiles {
  readonly #disk: Disk
  readonly #max: number
  /** In order of last use. */
  readonly #files = new Map<string, OpenFile>()
  #closed = false

  constructor(disk: Disk, max: number) {
    this.#disk = disk
    this.#max = max
  }

  /** To be used at once: the next call may close it. */
  reading(path: string): DiskFile {
    return this.#take(path, 'read').file
  }

  /** Stays open until `release`. */
  writing(path: string): DiskFile {
    const open = this.#take(path, 'write')
    open.users++
    return open.file
  }

  release(path: string): void {
    const open = this.#files.get(`write ${path}`)
    if (open) open.users--
    this.#trim()
  }

  /** Forgets the files at `path`, which must not be in use. */
  close(path: string): void {
    for (const key of [`read ${path}`, `write ${path}`]) {
      const open = this.#files.get(key)
      this.#files.delete(key)
      if (open) close(open.file)
    }
  }

  /** Gives away the files that are open at `path`, which must not be in use; the next user opens what is there then. */
  detach(path: string): DiskFile[] {
    return [`read ${path}`, `write ${path}`].flatMap((key) => {
      const open = this.#files.get(key)
      this.#files.delete(key)
      return open ? [open.file] : []
    })
  }

  /** Whoever reads on after this is told so. */
  closeAll(): void {
    this.#closed = true
    for (const { file } of this.#files.values()) close(file)
    this.#files.clear()
  }

  #take(path: string, mode: 'read' | 'write'): OpenFile {
    if (this.#closed) throw new ReeveError('NODE_STOPPING', 'the logs of this node are closed')
    const key = `${mode} ${path}`
    let open = this.#files.get(key)
    if (open) this.#files.delete(key)
    else open = { file: this.#disk.open(path, mode), users: 0 }
    this.#files.set(key, open)
    this.#trim(key)
    return open
  }

  #trim(keep?: string): void {
    for (const [key, open] of this.#files) {
      if (this.#files.size <= this.#max) return
      if (open.users > 0 || key === keep) continue
      this.#files.delete(key)
      close(open.file)
    }
  }
}

/** What a log promised of a file does not hang on its close: a close that fails, of whichever file, concerns no reader or writer. */
function close(file: DiskFile): void {
  try {
    file.close()
  } catch {
    // The descriptor is gone all the same.
  }
}
