/** One log of one closed journal, and what a later one makes of it. */

import { MemoryDisk } from './memory-disk.ts'
import { appendAll, epochB, folderOf, idOf, openOn, readAll, viewOf } from './scenery.ts'

export const id = idOf('orders')
export const folder = folderOf(id)
export const firstSegment = `${folder}/00000000000000000000.log`

/** A data folder with one closed log; `segmentMaxBytes` makes about that many bytes a file. */
export async function written(values: string[], segmentMaxBytes = 1024 * 1024) {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk, { settings: { segmentMaxBytes, indexIntervalBytes: 200 } })
  await appendAll(journal, 'orders', values)
  const frames = readAll(viewOf(journal, id))
  await journal.close()
  return { disk, frames, all: disk.snapshot(folder) }
}

/** The same files on a new disk. */
export function copied(
  files: Map<string, Uint8Array>,
  change: (name: string, bytes: Uint8Array) => Uint8Array | undefined,
) {
  const disk = new MemoryDisk()
  for (const [name, bytes] of files) {
    const changed = change(name, bytes.slice())
    if (changed) disk.put(`${folder}/${name}`, changed)
  }
  return disk
}

export async function reopened(disk: MemoryDisk, segmentMaxBytes = 1024 * 1024) {
  const settings = { segmentMaxBytes, indexIntervalBytes: 200 }
  const { journal, events } = await openOn(disk, { epoch: epochB, settings })
  return { journal, events, log: journal.log(id) }
}
