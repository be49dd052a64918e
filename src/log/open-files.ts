import type { Clock, Disk, DiskFile, Timer } from '../env/env.ts'
import { ReeveError } from '../errors.ts'
import { GrowingFile } from './growing-file.ts'

interface OpenFile {
  readonly file: DiskFile
  /** Of one that is open for writing. */
  readonly growing: GrowingFile | undefined
  users: number
}

/** A file that has not grown for so long ends where its last frame does, from then on. */
const restMs = 1000

/**
 * The open files of all logs. Keeps the most recently used ones open, closes idle ones beyond `max`; files in use for
 * writing stay open even when they are more. Gives back the zeros ahead of those that rest.
 */
export class OpenFiles {
  readonly #disk: Disk
  readonly #max: number
  /** In order of last use. */
  readonly #files = new Map<string, OpenFile>()
  readonly #clock: Clock
  /** Files that are not open for writing, and may have zeros behind their last frame after a power cut. */
  readonly #uncut = new Set<string>()
  /** Runs while there are zeros ahead of some file. */
  #resting: Timer | undefined
  #closed = false

  constructor(disk: Disk, clock: Clock, max: number) {
    this.#disk = disk
    this.#clock = clock
    this.#max = max
  }

  /** To be used at once: the next call may close it. */
  reading(path: string): DiskFile {
    return this.#take(path, 'read').file
  }

  /** Stays open until `release`. */
  writing(path: string): GrowingFile {
    const open = this.#take(path, 'write')
    open.users++
    return open.growing as GrowingFile
  }

  /** After a power cut there may be zeros behind the last group of this file. */
  mayHaveZeros(path: string): boolean {
    return this.#uncut.has(path) || this.#files.get(`write ${path}`)?.growing?.mayHaveZeros === true
  }

  /** Gives back all zeros. True: there is more room on the disk now. */
  restAll(): boolean {
    const ahead = [...this.#files.values()].filter(({ growing }) => growing?.isAhead)
    for (const open of ahead) rest(open)
    return ahead.length > 0
  }

  /** There are zeros ahead of a file: it will not stay so. */
  watch(): void {
    this.#resting ??= this.#clock.setTimeout(() => {
      this.#resting = undefined
      for (const open of this.#files.values()) if (open.growing && open.growing.restedMs >= restMs) rest(open)
      for (const { growing } of this.#files.values()) if (growing?.isAhead) return this.watch()
    }, restMs)
  }

  release(path: string): void {
    const open = this.#files.get(`write ${path}`)
    if (open) open.users--
    this.#trim()
  }

  /** Forgets the files at `path`, which must not be in use and are written no more. */
  close(path: string): void {
    for (const key of [`read ${path}`, `write ${path}`]) {
      const open = this.#files.get(key)
      this.#files.delete(key)
      if (open) this.#close(open)
    }
    this.#uncut.delete(path)
  }

  /** Gives away the files that are open at `path`, which must not be in use; the next user opens what is there then. */
  detach(path: string): DiskFile[] {
    return [`read ${path}`, `write ${path}`].flatMap((key) => {
      const open = this.#files.get(key)
      this.#files.delete(key)
      if (open) this.#rest(open)
      return open ? [open.file] : []
    })
  }

  /** Whoever reads on after this is told so. */
  closeAll(): void {
    this.#closed = true
    this.#clock.clearTimeout(this.#resting)
    for (const open of this.#files.values()) this.#close(open)
    this.#files.clear()
  }

  #take(path: string, mode: 'read' | 'write'): OpenFile {
    if (this.#closed) throw new ReeveError('NODE_STOPPING', 'the logs of this node are closed')
    const key = `${mode} ${path}`
    let open = this.#files.get(key)
    if (open) this.#files.delete(key)
    else open = this.#open(path, mode)
    this.#files.set(key, open)
    this.#trim(key)
    return open
  }

  #open(path: string, mode: 'read' | 'write'): OpenFile {
    const file = this.#disk.open(path, mode)
    const growing = mode === 'write' ? new GrowingFile(file, this.#clock, this.#uncut.delete(path)) : undefined
    return { file, growing, users: 0 }
  }

  #trim(keep?: string): void {
    for (const [key, open] of this.#files) {
      if (this.#files.size <= this.#max) return
      if (open.users > 0 || key === keep) continue
      this.#files.delete(key)
      this.#close(open)
    }
  }

  /** What a log promised of a file does not hang on its close: a close that fails, of whichever file, concerns no reader or writer. */
  #close(open: OpenFile): void {
    this.#rest(open)
    try {
      open.file.close()
    } catch {
      // The descriptor is gone all the same.
    }
  }

  /** Before it leaves the list. */
  #rest(open: OpenFile): void {
    rest(open)
    if (open.growing?.mayHaveZeros) this.#uncut.add(open.file.path)
  }
}

/** Zeros that cannot be given back do no harm: the next start cuts them. */
function rest({ growing }: OpenFile): void {
  try {
    growing?.rest()
  } catch {}
}
