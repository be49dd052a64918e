/** How a real folder differs from what its recording says, as the steps that would make it so. */

import type { Disk } from '../../env/env.ts'
import { FileContent } from '../file-content.ts'
import type { FileTree } from '../file-tree.ts'
import type { DiskStep } from './disk-step.ts'
import { parentOf, type ReplayedDisk } from './replayed-disk.ts'

const chunkBytes = 256 * 1024

export interface Difference {
  readonly steps: readonly DiskStep[]
  /** Where nothing was under way: of a process that was killed between a step and its telling, those of one step at most. */
  readonly unexplained: readonly string[]
}

/** Only while no process has the folder. */
export function differenceTo(disk: Disk, folder: string, { tree, inDoubt }: ReplayedDisk): Difference {
  const steps: DiskStep[] = []
  const unexplained: string[] = []
  const differs = (path: string, ...those: DiskStep[]): void => {
    steps.push(...those)
    if (those.length > 0 && !inDoubt.has(path) && !path.endsWith('.tmp')) unexplained.push(path)
  }
  const real = [...filesOf(disk, folder)]
  const names = new Set(real)
  for (const [path] of tree.filesBelow(folder)) if (!names.has(path)) differs(path, { kind: 'remove', path })
  for (const [index, path] of real.entries()) differs(path, ...stepsOf(disk, path, tree, -1 - index))
  return { steps, unexplained }
}

function stepsOf(disk: Disk, path: string, tree: FileTree, file: number): DiskStep[] {
  const opened = disk.open(path, 'read')
  try {
    const found = tree.find(path)
    const made = !(found instanceof FileContent)
    const content = found instanceof FileContent ? found : new FileContent()
    const steps: DiskStep[] = []
    const size = opened.size()
    if (content.size !== size) steps.push({ kind: 'truncate', file, size })
    const [theirs, ours] = [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)]
    for (let at = 0; at < size; at += chunkBytes) {
      const there = theirs.subarray(0, opened.read(theirs, at))
      ours.fill(0)
      content.read(ours, at)
      const first = there.findIndex((byte, index) => byte !== ours[index])
      if (first !== -1) steps.push({ kind: 'write', file, at: at + first, bytes: there.slice(first) })
    }
    if (steps.length === 0 && !made) return []
    const folder: DiskStep[] = made ? [{ kind: 'folder', path: parentOf(path) }] : []
    return [...folder, { kind: 'open', file, path, made }, ...steps]
  } finally {
    opened.close()
  }
}

/** Every file below a folder; not what only a running process has there. */
function* filesOf(disk: Disk, folder: string): Generator<string> {
  for (const { name, kind } of disk.list(folder)) {
    if (name === '.lock') continue
    if (kind === 'folder') yield* filesOf(disk, `${folder}/${name}`)
    else if (kind === 'file') yield `${folder}/${name}`
  }
}
