/**
 * The disk of a real process as its recording tells it: what is there, and what of it a loss of power would leave. It may
 * be watched as a simulated disk is. Owns the model, and never touches the disk that was recorded.
 */

import type { DiskWitness } from '../disk.ts'
import { FileContent } from '../file-content.ts'
import { FileTree, Folder } from '../file-tree.ts'
import type { SeededRandom } from '../random.ts'
import type { WatchedDisk } from '../universe/disk-view.ts'
import type { DiskStep } from './disk-step.ts'

interface Replacing {
  readonly temporary: string
  readonly path: string
}

export class ReplayedDisk implements WatchedDisk {
  readonly tree = new FileTree()
  witness: DiskWitness | undefined
  readonly #files = new Map<number, FileContent>()
  readonly #calls = new Map<number, (failed: boolean) => void>()
  readonly #replacing = new Map<number, Replacing>()

  /** `folder`: of the process, absolute; what is above it was there before. */
  constructor(folder: string) {
    this.tree.makeFolder(parentOf(folder))
    this.tree.syncAll()
  }

  apply(step: DiskStep): void {
    const { tree, witness } = this
    switch (step.kind) {
      case 'folder':
        tree.makeFolder(step.path)
        break
      case 'open': {
        const found = tree.find(step.path)
        this.#files.set(step.file, found instanceof FileContent ? found : this.#make(step.path))
        break
      }
      case 'write':
        this.#write(this.#file(step.file), step.bytes, step.at)
        break
      case 'truncate': {
        const file = this.#file(step.file)
        file.truncate(step.size)
        witness?.changed(file)
        break
      }
      case 'remove':
        this.#remove(step.path)
        break
      case 'rename':
        this.#rename(step.from, step.to)
        break
      case 'sync':
        this.#sync(step.call, this.#file(step.file))
        break
      case 'syncFolder': {
        const folder = tree.find(step.path)
        if (!(folder instanceof Folder)) break
        const commit = tree.beginSync(folder)
        this.#calls.set(step.call, (failed) => {
          if (!failed) commit()
        })
        break
      }
      case 'replace':
        this.#replace(step)
        break
      case 'answered':
        this.#calls.get(step.call)?.(step.failed)
        this.#calls.delete(step.call)
        break
      case 'ended':
        this.#files.clear()
        this.#calls.clear()
        this.#replacing.clear()
    }
  }

  /** Paths that a call under way may have made what they are to be, or not yet. */
  get inDoubt(): ReadonlySet<string> {
    return new Set([...this.#replacing.values()].map(({ path }) => path))
  }

  /** What the disk may have after a loss of power at this moment. */
  afterPowerCut(random: SeededRandom): FileTree {
    const tree = this.tree.fork()
    for (const { temporary, path } of this.#replacing.values()) {
      const file = tree.find(temporary)
      if (!(file instanceof FileContent) || random.chance(0.5)) continue
      // It had come as far as that, and nobody has said so yet.
      file.endSync(file.beginSync())
      if (random.chance(0.7)) tree.rename(temporary, path)
    }
    tree.crash(random)
    return tree
  }

  #sync(call: number, file: FileContent): void {
    const sync = file.beginSync()
    this.#calls.set(call, (failed) => {
      if (failed) file.failSync(sync)
      else file.endSync(sync)
      this.witness?.changed(file)
    })
  }

  #replace({ path, bytes, call }: DiskStep & { kind: 'replace' }): void {
    const temporary = `${parentOf(path)}/.${path.slice(path.lastIndexOf('/') + 1)}.1.tmp`
    if (this.tree.find(temporary) !== undefined) this.#remove(temporary)
    const file = this.#make(temporary)
    this.#write(file, bytes, 0)
    this.#replacing.set(call, { temporary, path })
    this.#calls.set(call, (failed) => {
      this.#replacing.delete(call)
      if (this.tree.find(temporary) !== file) return
      if (failed) {
        this.#remove(temporary)
        return
      }
      file.endSync(file.beginSync())
      this.#rename(temporary, path)
      this.tree.beginSync(this.tree.folder(parentOf(path)))()
      this.witness?.changed(file)
    })
  }

  #make(path: string): FileContent {
    const file = this.tree.createFile(path)
    this.witness?.named(path, file)
    this.witness?.changed(file)
    return file
  }

  #write(file: FileContent, bytes: Uint8Array, at: number): void {
    file.write(bytes, at)
    this.witness?.changed(file)
  }

  #remove(path: string): void {
    const file = this.tree.file(path)
    this.tree.remove(path)
    this.witness?.unnamed(path, file)
  }

  #rename(from: string, to: string): void {
    const [moved, replaced] = [this.tree.find(from), this.tree.find(to)]
    this.tree.rename(from, to)
    if (!(moved instanceof FileContent) || moved === replaced) return
    if (replaced instanceof FileContent) this.witness?.unnamed(to, replaced)
    this.witness?.unnamed(from, moved)
    this.witness?.named(to, moved)
  }

  #file(number: number): FileContent {
    const file = this.#files.get(number)
    if (file === undefined) throw new Error(`the recording speaks of file ${number}, which it never opened`)
    return file
  }
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
