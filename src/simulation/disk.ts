/**
 * The disk of one host: outlives its processes, forgets at a crash what was not synced, fails when told to. Owns
 * latency, capacity, troubles and locks; files and names live in `FileTree`.
 */

import { DiskError, type DiskLock, type DiskSpace } from '../env/env.ts'
import { type DiskOperation, type DiskTrouble, DiskTroubles } from './disk-trouble.ts'
import type { FileContent } from './file-content.ts'
import { FileTree } from './file-tree.ts'
import type { Process } from './process.ts'
import type { SeededRandom } from './random.ts'

export interface DiskSettings {
  /** Of one sync, of a file or a folder. */
  readonly syncMinMs: number
  readonly syncMaxMs: number
  /** Now and then a device takes its time. */
  readonly slowSyncChance: number
  readonly slowSyncMs: number
  /** Sum of the sizes of all files; more is ENOSPC. */
  readonly capacityBytes: number
}

export const defaultDisk: DiskSettings = {
  syncMinMs: 0.2,
  syncMaxMs: 3,
  slowSyncChance: 0.005,
  slowSyncMs: 60,
  capacityBytes: Number.POSITIVE_INFINITY,
}

export type { DiskOperation, DiskTrouble }

/** Looked at before each operation; an errno name such as EIO makes it fail. A failed sync has lost what it covered. */
export type DiskFailure = (operation: DiskOperation, path: string) => string | undefined

/** Sees what happens to the files of a disk, below everything that runs on it. It only looks. */
export interface DiskWitness {
  /** Its bytes, or what of them is durable. */
  changed(file: FileContent): void
  /** A file was made under this name, or renamed to it. */
  named(path: string, file: FileContent): void
  /** A file has no longer this name; it can still be read. */
  unnamed(path: string, file: FileContent): void
  /** After a loss of power, or with another disk in its place, any file may be another than before. */
  crashed(): void
}

export class SimulatedDisk {
  tree: FileTree
  settings: DiskSettings
  failure: DiskFailure | undefined
  witness: DiskWitness | undefined
  readonly troubles = new DiskTroubles()
  readonly #random: SeededRandom
  readonly #wallMs: () => number
  readonly #locks = new Map<string, Process>()
  /** Until then nothing that asks the device comes back. */
  #hangsUntilUs = 0

  constructor(settings: DiskSettings, random: SeededRandom, wallMs: () => number) {
    this.settings = settings
    this.#random = random
    this.#wallMs = wallMs
    this.tree = newTree()
  }

  /** Takes the place of the last trouble of this name. */
  begin(name: string, trouble: DiskTrouble): void {
    this.troubles.begin(name, trouble, this.#usedBytes())
  }

  /** Without a name: all troubles. A disk that lies no more has written what it had not. */
  end(name?: string): void {
    const lied = this.troubles.isLying
    this.troubles.end(name)
    if (!lied || this.troubles.isLying) return
    this.tree.syncAll()
    this.witness?.crashed()
  }

  /** Syncs that begin before then end then at the earliest. */
  hang(untilUs: number): void {
    this.#hangsUntilUs = Math.max(this.#hangsUntilUs, untilUs)
  }

  /** A new, empty disk; only while no process has the old one. */
  wipe(): void {
    this.tree = newTree()
    this.witness?.crashed()
  }

  /** An operator puts a file there; it is durable. */
  install(path: string, content: Uint8Array): void {
    const file = this.tree.install(path)
    file.truncate(0)
    file.write(content, 0)
    file.endSync(file.beginSync())
    this.witness?.named(path, file)
    this.touched(file)
  }

  /** All files as they read now: a backup, or what goes into another machine. */
  image(): FileTree {
    return this.tree.copy()
  }

  restore(image: FileTree): void {
    this.tree = image.copy()
    this.witness?.crashed()
  }

  /**
   * One bit of what the device has turns over: the one at this share (0 … 1) of all bytes below the folder. What a
   * process has written anew and not synced stays as it is. Returns the file's path; undefined: there is nothing to rot.
   */
  rot(share: number, folder = '/'): string | undefined {
    const files = [...this.tree.filesBelow(folder)].filter(([, { size }]) => size > 0)
    const bits = files.reduce((sum, [, { size }]) => sum + size, 0) * 8
    let bit = Math.min(Math.floor(share * bits), bits - 1)
    for (const [path, file] of files) {
      if (bit < file.size * 8) {
        file.flip(Math.floor(bit / 8), bit % 8)
        this.witness?.changed(file)
        return path
      }
      bit -= file.size * 8
    }
    return undefined
  }

  /** The machine lost power: what was not synced is gone, some of it, as chance will have it. */
  crash(): void {
    this.tree.crash(this.#random)
    this.witness?.crashed()
  }

  /** Files whose content a power cut could take now. */
  volatileFiles(): number {
    return [...this.tree.files()].filter((file) => !file.isDurable).length
  }

  /** Throws `DiskError` when this operation is to fail, or its process is dead. */
  check(operation: DiskOperation, path: string, process: Process): void {
    if (!process.alive) throw new DiskError('EIO', path, `EIO: ${path}: the process is dead`)
    const code = this.failure?.(operation, path) ?? this.troubles.codeOf(operation)
    if (code !== undefined) throw new DiskError(code, path)
  }

  /** Undefined: it never gets full. */
  space(): DiskSpace | undefined {
    const totalBytes = this.#capacityBytes()
    if (totalBytes === Number.POSITIVE_INFINITY) return undefined
    return { totalBytes, freeBytes: Math.max(0, totalBytes - this.#usedBytes()) }
  }

  /** Throws ENOSPC when a file cannot grow to this size. */
  reserve(file: FileContent, size: number, path: string): void {
    const capacityBytes = this.#capacityBytes()
    if (size <= file.size || capacityBytes === Number.POSITIVE_INFINITY) return
    if (this.#usedBytes() - file.size + size <= capacityBytes) return
    this.troubles.outOfRoom()
    throw new DiskError('ENOSPC', path)
  }

  touched(file: FileContent): void {
    file.modifiedMs = this.#wallMs()
    this.witness?.changed(file)
  }

  syncUs(nowUs: number): number {
    const { syncMinMs, syncMaxMs, slowSyncChance, slowSyncMs } = this.settings
    const share = this.#random.fraction()
    const slowMs = this.#random.chance(slowSyncChance) ? this.#random.fraction() * slowSyncMs : 0
    const syncMs = syncMinMs + (syncMaxMs - syncMinMs) * share * share + slowMs + this.troubles.delayMs(this.#random)
    return Math.max(0, this.#hangsUntilUs - nowUs) + syncMs * 1000
  }

  lock(path: string, process: Process, holder: string): DiskLock {
    const owner = this.#locks.get(path)
    if (owner?.alive === true) throw new DiskError('EBUSY', path, `${path} is in use`)
    this.#locks.set(path, process)
    const forget = process.hold('locks', `${path} by ${holder}`)
    return {
      release: () => {
        if (this.#locks.get(path) !== process || !process.alive) return
        this.#locks.delete(path)
        forget()
      },
    }
  }

  #capacityBytes(): number {
    return Math.min(this.settings.capacityBytes, this.troubles.capacityBytes)
  }

  #usedBytes(): number {
    let bytes = 0
    for (const file of this.tree.files()) bytes += file.size
    return bytes
  }
}

/** What the operating system was installed with. */
function newTree(): FileTree {
  const tree = new FileTree()
  tree.makeFolder('/data')
  tree.beginSync(tree.root)()
  return tree
}
