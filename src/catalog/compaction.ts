/**
 * Keeps what the catalog takes on the disk in proportion to what it says: the state is written anew into this run's log,
 * as a checkpoint, and what that covers is trimmed, here and on every node that comes to hold it. One node is enough: the
 * checkpoint of one lets the others trim, so that they have none to make.
 */

import type { Journal } from '../log/journal.ts'
import { type Catalog, catalogTopic } from './catalog.ts'

/** Below this nothing is done. */
const worthBytes = 1024 * 1024
/** Of records for each byte of the state: beyond it most of them are outdated. */
const slack = 4

/** `next` as in `Journal.trim`. Rejects as `Journal.append` and `Journal.trim` do; what was not done is done next time. */
export async function compactCatalog(catalog: Catalog, journal: Journal, next: () => Promise<boolean>): Promise<void> {
  await trimCovered(catalog, journal, next)
  const bytes = journal.topicLogs(catalogTopic).reduce((sum, log) => sum + log.bytes, 0)
  if (bytes <= worthBytes || bytes <= slack * catalog.bytes) return
  await catalog.checkpoint()
  await trimCovered(catalog, journal, next)
}

async function trimCovered(catalog: Catalog, journal: Journal, next: () => Promise<boolean>): Promise<void> {
  for (const log of journal.topicLogs(catalogTopic)) {
    const to = catalog.coveredTo(log.key)
    if (to > log.start) await journal.trim(log.id, to, next)
  }
}
