/**
 * The disk of one host: outlives its processes, forgets at a crash what was not synced, fails when told to. Owns
 * latency, capacity, injected failures and locks; files and names live in `FileTree`.
 */

import { DiskError, type DiskLock } from '../env/env.ts'
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

export type DiskOperation = 'open' | 'read' | 'write' | 'sync' | 'syncFolder' | 'rename' | 'remove' | 'makeFolder'

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
  /** After a loss of power any file may be another than before. */
  crashed(): void
}

export class SimulatedDisk {
  readonly tree = new FileTree()
  settings: DiskSettings
  failure: DiskFailure | undefined
  witness: DiskWitness | undefined
  readonly #random: SeededRandom
  readonly #wallMs: () => number
  readonly #locks = new Map<string, Process>()

  constructor(settings: DiskSettings, random: SeededRandom, wallMs: () => number) {
    this.settings = settings
    this.#random = random
    this.#wallMs = wallMs
    // What the operating system was installed with.
    this.tree.makeFolder('/data')
    this.tree.beginSync(this.tree.root)()
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
    const code = this.failure?.(operation, path)
    if (code !== undefined) throw new DiskError(code, path)
  }

  /** Throws ENOSPC when a file cannot grow to this size. */
  reserve(file: FileContent, size: number, path: string): void {
    const { capacityBytes } = this.settings
    if (size <= file.size || capacityBytes === Number.POSITIVE_INFINITY) return
    let used = 0
    for (const other of this.tree.files()) used += other === file ? 0 : other.size
    if (used + size > capacityBytes) throw new DiskError('ENOSPC', path)
  }

  touched(file: FileContent): void {
    file.modifiedMs = this.#wallMs()
    this.witness?.changed(file)
  }

  syncUs(): number {
    const { syncMinMs, syncMaxMs, slowSyncChance, slowSyncMs } = this.settings
    const share = this.#random.fraction()
    const slowMs = this.#random.chance(slowSyncChance) ? this.#random.fraction() * slowSyncMs : 0
    return (syncMinMs + (syncMaxMs - syncMinMs) * share * share + slowMs) * 1000
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
}
