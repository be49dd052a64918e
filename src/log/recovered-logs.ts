/**
 * What a data folder holds when its node starts: the logs of earlier runs, recovered one after the other, and what was
 * set aside of them, now or before. Never opens a folder of this very run: its epoch would not be its own.
 */

import { ReeveError } from '../errors.ts'
import { logFolders } from './data-dir.ts'
import type { JournalOptions } from './journal.ts'
import type { JournalEvent } from './journal-event.ts'
import type { LogId } from './log-id.ts'
import { makeDurable, type Recovered, recoverLog } from './recovery.ts'
import { isDone } from './set-aside.ts'

export interface RecoveredLogs {
  readonly recovered: readonly Recovered[]
  /** Folders of which something may have to come back. */
  readonly aside: readonly { readonly id: LogId; readonly folder: string }[]
}

/**
 * What can be shown at once, as it is durable. `marked`: every log that does not begin at 0 should say why. Rejects with
 * `DATA_DIR_UNUSABLE`, or as `recoverLog`.
 */
export async function recoverLogs(options: JournalOptions, marked: boolean): Promise<RecoveredLogs> {
  const { disk, dataDir, node, epoch, settings, report } = options
  const recovered: Recovered[] = []
  const aside: { readonly id: LogId; readonly folder: string }[] = []
  for (const found of logFolders(disk, dataDir)) {
    if (found.kind === 'quarantine' && !isDone(disk, found.path)) aside.push({ id: found.id, folder: found.path })
    if (found.kind === 'foreign') report({ kind: 'ignored', path: found.path, reason: found.reason })
    if (found.kind !== 'log') continue
    const { id, path: folder } = found
    if (id.origin === node && id.epoch === epoch) {
      throw new ReeveError('DATA_DIR_UNUSABLE', `${folder} exists: epoch ${id.epoch} was used by an earlier run`)
    }
    const noted = (event: JournalEvent) => {
      if (event.kind === 'damaged') aside.push({ id, folder: event.folder })
      report(event)
    }
    recovered.push(await recoverLog({ disk, id, folder, settings, marked, report: noted }))
  }
  await makeDurable(disk, recovered)
  return { recovered, aside }
}
