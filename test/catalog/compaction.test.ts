/** The catalog stays in proportion to what it says. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { type Catalog, catalogTopic, openCatalog } from '../../src/catalog/catalog.ts'
import { compactCatalog } from '../../src/catalog/compaction.ts'
import { catalogKinds } from '../../src/catalog/kinds.ts'
import { topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import { TopicEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../../src/log/journal.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { epochA, epochB, epochC, openOn } from '../log/scenery.ts'

const goOn = async () => true

/** Entries of about 40 KB each that replace one another, name by name. */
const entryAt = (time: number) =>
  topicKind.encode(
    create(TopicEntrySchema, { version: topicVersion, timestamp: BigInt(time + 1), origin: `o${'x'.repeat(40_000)}` }),
  )

async function openedOn(disk: MemoryDisk, options: Parameters<typeof openOn>[1] = {}) {
  const { journal } = await openOn(disk, options)
  return { journal, catalog: openCatalog({ journal, kinds: catalogKinds, report: (error) => assert.fail(error) }) }
}

async function putMany(catalog: Catalog, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) await catalog.put(topicKey(`t${n % 3}`), entryAt(n))
}

const stateOf = (catalog: Catalog) =>
  catalog.list('').map((key) => [key, Buffer.from(catalog.get(key)!).toString('hex')])
const bytesIn = (journal: Journal) => journal.topicLogs(catalogTopic).reduce((sum, { bytes }) => sum + bytes, 0)

/** All that one has of the catalog and the other has not, as a pull brings it. */
async function copy(from: Journal, to: Journal): Promise<void> {
  for (const log of from.topicLogs(catalogTopic)) {
    if (log.id.origin === to.node && log.id.epoch === to.epoch) continue
    if ((to.log(log.id)?.end ?? 0) < log.start) await to.beginAt(log.id, log.start)
    for (let at = to.log(log.id)?.end ?? 0; at < log.end; at = to.log(log.id)!.end) {
      await to.replicate(log.id, log.read(at, 1024 * 1024))
    }
  }
}

test('a state that is small against its records is said anew, and the rest goes; a restart finds the same', async () => {
  const disk = new MemoryDisk()
  const { journal, catalog } = await openedOn(disk)
  await putMany(catalog, 0, 20)
  await compactCatalog(catalog, journal, goOn)
  assert.ok(bytesIn(journal) < 1024 * 1024, 'too little to be worth it')
  assert.equal(journal.topicLogs(catalogTopic)[0]?.start, 0)
  await putMany(catalog, 20, 30)
  const before = stateOf(catalog)
  await compactCatalog(catalog, journal, goOn)
  assert.ok(bytesIn(journal) < 4 * catalog.bytes, `${bytesIn(journal)} bytes for ${catalog.bytes}`)
  assert.deepEqual(stateOf(catalog), before)
  const { end } = journal.topicLogs(catalogTopic)[0]!
  await compactCatalog(catalog, journal, goOn)
  assert.equal(journal.topicLogs(catalogTopic)[0]?.end, end, 'and not again without need')
  disk.crash()
  const again = await openedOn(disk, { epoch: epochB })
  assert.deepEqual(stateOf(again.catalog), before)
  await again.journal.close()
})

test('what is put while it is said anew is not lost', async () => {
  const disk = new MemoryDisk()
  const { journal, catalog } = await openedOn(disk)
  await putMany(catalog, 0, 40)
  disk.holdSyncs()
  const early = catalog.put(topicKey('early'), entryAt(1))
  await disk.syncHeld()
  const compacting = compactCatalog(catalog, journal, goOn)
  const late = catalog.put(topicKey('late'), entryAt(1))
  disk.releaseSyncs()
  await Promise.all([early, compacting, late])
  await compactCatalog(catalog, journal, goOn)
  disk.crash()
  const again = await openedOn(disk, { epoch: epochB })
  assert.deepEqual(again.catalog.list(''), ['topic/early', 'topic/late', 'topic/t0', 'topic/t1', 'topic/t2'])
  await again.journal.close()
})

test('the checkpoint of one node lets another trim, its own log as well, without one of its own', async () => {
  const [diskA, diskB] = [new MemoryDisk(), new MemoryDisk()]
  const a = await openedOn(diskA)
  const b = await openedOn(diskB, { node: 'b', epoch: epochB })
  await putMany(a.catalog, 0, 25)
  await putMany(b.catalog, 25, 25)
  await copy(b.journal, a.journal)
  await compactCatalog(a.catalog, a.journal, goOn)
  assert.ok(bytesIn(a.journal) < 4 * a.catalog.bytes)
  await copy(a.journal, b.journal)
  const own = b.journal.topicLogs(catalogTopic).find(({ own }) => own)!
  const { end } = own
  await compactCatalog(b.catalog, b.journal, goOn)
  assert.deepEqual([own.start, own.end, own.bytes], [end, end, 0])
  assert.ok(bytesIn(b.journal) < 4 * b.catalog.bytes)
  const state = stateOf(a.catalog)
  diskB.crash()
  const again = await openedOn(diskB, { node: 'b', epoch: epochC })
  assert.deepEqual(stateOf(again.catalog), state)
  const c = await openedOn(new MemoryDisk(), { node: 'c', epoch: epochC })
  await copy(again.journal, c.journal)
  assert.deepEqual(stateOf(c.catalog), state, 'and a third one learns it from there')
  for (const { journal } of [a, again, c]) await journal.close()
})

test('a checkpoint of which not everything was read here counts for nothing', async () => {
  const a = await openedOn(new MemoryDisk(), { settings: { segmentMaxBytes: 100_000 } })
  const b = await openedOn(new MemoryDisk(), { node: 'b', epoch: epochB })
  await putMany(b.catalog, 0, 1)
  await copy(b.journal, a.journal)
  await putMany(a.catalog, 1, 5)
  await a.catalog.checkpoint()
  const log = a.journal.topicLogs(catalogTopic).find(({ id }) => id.epoch === epochA)!
  const c = await openedOn(new MemoryDisk(), { node: 'c', epoch: epochC })
  await copy(b.journal, c.journal)
  // From the middle of what the checkpoint is made of.
  await c.journal.beginAt(log.id, log.end - 1)
  await c.journal.replicate(log.id, log.read(log.end - 1, 1e6))
  const key = b.journal.topicLogs(catalogTopic)[0]!.key
  assert.equal(c.catalog.coveredTo(key), 0)
  assert.equal(a.catalog.coveredTo(key), 1)
  for (const { journal } of [a, b, c]) await journal.close()
})

for (const call of ['open', 'write', 'sync', 'syncFolder', 'remove'] as const) {
  test(`a disk that fails at any ${call} under it loses no entry`, async () => {
    for (let nth = 1; nth < 8; nth++) {
      const disk = new MemoryDisk()
      const { journal, catalog } = await openedOn(disk)
      await putMany(catalog, 0, 40)
      const before = stateOf(catalog)
      disk.failNth(call, nth)
      await compactCatalog(catalog, journal, goOn).catch(() => {})
      disk.heal()
      disk.crash()
      const again = await openedOn(disk, { epoch: epochB })
      assert.deepEqual(stateOf(again.catalog), before)
      await again.journal.close()
    }
  })
}
