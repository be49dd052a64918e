/** The disk of a host as one process sees it: the door's `Disk`, closed the moment the process is dead. */

import {
  type Disk,
  type DiskEntry,
  DiskError,
  type DiskFile,
  type DiskLock,
  type DiskSpace,
  type DiskStat,
} from '../env/env.ts'
import type { SimulatedDisk } from './disk.ts'
import { FileContent } from './file-content.ts'
import { Folder } from './file-tree.ts'
import type { Process } from './process.ts'

export class MountedDisk implements Disk {
  readonly #disk: SimulatedDisk
  readonly #process: Process

  constructor(disk: SimulatedDisk, process: Process) {
    this.#disk = disk
    this.#process = process
  }

  open(path: string, mode: 'read' | 'write'): DiskFile {
    this.#disk.check('open', path, this.#process)
    const { tree, troubles } = this.#disk
    const refused = mode === 'write' ? troubles.codeOfOpening() : undefined
    if (refused !== undefined) throw new DiskError(refused, path)
    const missing = tree.find(path) === undefined
    const content = missing && mode === 'write' ? tree.createFile(path) : tree.file(path)
    if (missing) {
      this.#disk.witness?.named(path, content)
      this.#disk.touched(content)
    }
    return new OpenFile(this.#disk, this.#process, path, content, mode === 'write')
  }

  readFile(path: string): Uint8Array {
    this.#disk.check('read', path, this.#process)
    const content = this.#disk.tree.file(path)
    const bytes = new Uint8Array(content.size)
    content.read(bytes, 0)
    return bytes
  }

  async replaceFile(path: string, content: Uint8Array, options: { mode?: number } = {}): Promise<void> {
    const folder = path.slice(0, path.lastIndexOf('/'))
    const temporary = `${folder}/.${path.slice(folder.length + 1)}.tmp`
    const file = this.open(temporary, 'write')
    try {
      this.#disk.tree.file(temporary).mode = options.mode ?? 0o644
      file.truncate(0)
      file.write(content, 0)
      await file.sync()
      this.rename(temporary, path)
    } catch (error) {
      this.#remove(temporary)
      throw error
    } finally {
      file.close()
    }
    await this.syncFolder(folder || '/')
  }

  list(path: string): DiskEntry[] {
    this.#disk.check('read', path, this.#process)
    const folder = this.#disk.tree.find(path)
    if (folder === undefined) return []
    if (!(folder instanceof Folder)) throw new DiskError('ENOTDIR', path)
    return [...folder.entries]
      .map(([name, node]) => ({ name, kind: node instanceof Folder ? ('folder' as const) : ('file' as const) }))
      .sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  stat(path: string): DiskStat | undefined {
    this.#disk.check('read', path, this.#process)
    const node = this.#disk.tree.find(path)
    if (node === undefined) return undefined
    if (node instanceof Folder) return { bytes: 0, modifiedMs: 0, kind: 'folder' }
    return { bytes: node.size, modifiedMs: node.modifiedMs, kind: 'file', mode: node.mode }
  }

  /** Who only looks changes nothing: takes no time, draws no lot, meets no trouble. */
  async space(): Promise<DiskSpace | undefined> {
    if (!this.#process.alive) return new Promise(() => {})
    return this.#disk.space()
  }

  makeFolder(path: string): void {
    this.#disk.check('makeFolder', path, this.#process)
    this.#disk.tree.makeFolder(path)
  }

  syncFolder(path: string): Promise<void> {
    return attempt(() => {
      const { tree } = this.#disk
      this.#disk.check('read', path, this.#process)
      const commit = tree.beginSync(tree.folder(path))
      return this.#process.later('disk', this.#disk.syncUs(this.#process.timeline.nowUs), () => {
        this.#disk.check('syncFolder', path, this.#process)
        if (!this.#disk.troubles.liesOf(path)) commit()
      })
    }, this.#process)
  }

  removeFile(path: string): void {
    this.#disk.check('remove', path, this.#process)
    this.#remove(path)
  }

  rename(from: string, to: string): void {
    this.#disk.check('rename', from, this.#process)
    const { tree, witness } = this.#disk
    const [moved, replaced] = [tree.find(from), tree.find(to)]
    tree.rename(from, to)
    if (!(moved instanceof FileContent) || moved === replaced) return
    if (replaced instanceof FileContent) witness?.unnamed(to, replaced)
    witness?.unnamed(from, moved)
    witness?.named(to, moved)
  }

  lockFolder(path: string, holder: string): Promise<DiskLock> {
    return this.#process.later('disk', 0, () => {
      this.#disk.tree.folder(path)
      return this.#disk.lock(path, this.#process, holder)
    })
  }

  #remove(path: string): void {
    const { tree, witness } = this.#disk
    const file = tree.file(path)
    tree.remove(path)
    witness?.unnamed(path, file)
  }
}

class OpenFile implements DiskFile {
  readonly path: string
  readonly #disk: SimulatedDisk
  readonly #process: Process
  readonly #content: FileContent
  readonly #writable: boolean
  readonly #forget: () => void
  #open = true

  constructor(disk: SimulatedDisk, process: Process, path: string, content: FileContent, writable: boolean) {
    this.path = path
    this.#disk = disk
    this.#process = process
    this.#content = content
    this.#writable = writable
    this.#forget = process.hold('files', path)
  }

  size(): number {
    return this.#content.size
  }

  read(target: Uint8Array, position: number): number {
    this.#check('read')
    return this.#content.read(target, position)
  }

  write(source: Uint8Array, position: number): void {
    this.#check('write')
    this.#disk.reserve(this.#content, position + source.length, this.path)
    this.#content.write(source, position)
    this.#disk.touched(this.#content)
  }

  /** Reads take no time in here. */
  readonly cold = false

  fetch(): Promise<void> {
    return Promise.resolve()
  }

  truncate(bytes: number): void {
    this.#check('write')
    this.#disk.reserve(this.#content, bytes, this.path)
    this.#content.truncate(bytes)
    this.#disk.touched(this.#content)
  }

  sync(): Promise<void> {
    return attempt(() => {
      if (!this.#open) throw new DiskError('EBADF', this.path)
      const sync = this.#content.beginSync()
      return this.#process.later('disk', this.#disk.syncUs(this.#process.timeline.nowUs), () => {
        try {
          this.#disk.check('sync', this.path, this.#process)
        } catch (error) {
          this.#content.failSync(sync)
          throw error
        }
        if (!this.#disk.troubles.liesOf(this.path)) this.#content.endSync(sync)
        this.#disk.witness?.changed(this.#content)
      })
    }, this.#process)
  }

  close(): void {
    if (!this.#open || !this.#process.alive) return
    this.#open = false
    this.#forget()
  }

  #check(operation: 'read' | 'write'): void {
    if (!this.#open || (operation === 'write' && !this.#writable)) throw new DiskError('EBADF', this.path)
    this.#disk.check(operation, this.path, this.#process)
  }
}

/** A throw becomes a rejection; a dead process is never answered. */
function attempt(work: () => Promise<void>, process: Process): Promise<void> {
  if (!process.alive) return new Promise(() => {})
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}
