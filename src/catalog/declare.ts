/** What a node declares at its start: how far the logs of its earlier runs reach, as far as its disk tells. */

import { create } from '@bufbuild/protobuf'
import { type FinishedLog, FinishedLogSchema, type RunEntry, RunEntrySchema } from '../gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../log/journal.ts'
import { epochToBytes, isInternalTopic } from '../log/log-id.ts'
import type { Catalog } from './catalog.ts'
import type { Declarations } from './declarations.ts'
import type { Fold } from './place.ts'
import { foldOf, runKey, runKind, runVersion } from './run-kind.ts'

/** An entry has to fit a value of the catalog, whatever the names of the topics are. */
const logsPerEntry = 1000

/** Keeps `declarations` as the catalog has them, from now on. */
export function followDeclarations(catalog: Catalog, declarations: Declarations): void {
  const take = (key: string) => {
    const entry = runKind.decode(catalog.get(key) as Uint8Array)
    // Under another key than its own it could be two things under one name.
    if (entry && key === runKey(foldOf(entry))) declarations.add(entry)
  }
  for (const key of catalog.list(`${runKind.name}/`)) take(key)
  catalog.changed(`${runKind.name}/`, take)
}

/**
 * Declares the node's earlier runs, as far as that was not done, or they have grown since: a tail came back from a peer.
 * To be called once, before anything else declares under this run. Rejects as `Catalog.put` does.
 */
export async function declareEarlierRuns(
  journal: Journal,
  catalog: Catalog,
  declarations: Declarations,
): Promise<void> {
  const puts: Promise<void>[] = []
  for (const entry of undeclared(journal, declarations)) {
    puts.push(catalog.put(runKey(foldOf(entry)), runKind.encode(entry)))
  }
  await Promise.all(puts)
}

/** In the order of the runs; each follows the one before. */
export function undeclared(journal: Journal, declarations: Declarations): RunEntry[] {
  const { node: origin, epoch: declaredBy } = journal
  const entries: RunEntry[] = []
  let follows: readonly Fold[] = declarations.lastOf(origin)
  for (const [epoch, logs] of newLogs(journal, declarations)) {
    for (let at = 0; at < logs.length; at += logsPerEntry) {
      const number = entries.length + 1
      entries.push(
        create(RunEntrySchema, {
          version: runVersion,
          origin,
          declaredBy: epochToBytes(declaredBy),
          number: BigInt(number),
          epoch: epochToBytes(epoch),
          logs: logs.slice(at, at + logsPerEntry),
          follows: follows.map((fold) => ({ epoch: epochToBytes(fold.epoch), number: BigInt(fold.number) })),
        }),
      )
      follows = [{ origin, epoch: declaredBy, number }]
    }
  }
  return entries
}

/** By run: logs that reach beyond what was declared of them. */
function newLogs(journal: Journal, declarations: Declarations): [string, FinishedLog[]][] {
  const runs = new Map<string, FinishedLog[]>()
  for (const { id, end, own } of journal.logs()) {
    if (own || id.origin !== journal.node || isInternalTopic(id.topic)) continue
    if (end <= (declarations.endsOf(id).at(-1) ?? 0)) continue
    const log = create(FinishedLogSchema, { topic: id.topic, end: BigInt(end) })
    const logs = runs.get(id.epoch)
    if (logs) logs.push(log)
    else runs.set(id.epoch, [log])
  }
  return [...runs].sort(([one], [other]) => (one < other ? -1 : 1))
}
