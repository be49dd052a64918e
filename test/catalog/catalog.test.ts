import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { type Catalog, catalogTopic, openCatalog, valueMaxBytes } from '../../src/catalog/catalog.ts'
import { catalogKinds } from '../../src/catalog/kinds.ts'
import { type TopicEntry, topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import type { ReeveError } from '../../src/errors.ts'
import { TopicEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../../src/log/journal.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { epochA, epochB, hasCode, openOn, viewOf } from '../log/scenery.ts'

const settingsAt = (timestamp: bigint, retentionBytes: bigint) =>
  topicKind.encode(create(TopicEntrySchema, { version: topicVersion, timestamp, settings: { retentionBytes } }))
const deletedAt = (time: bigint) =>
  topicKind.encode(create(TopicEntrySchema, { version: topicVersion, deletedAt: time }))

function catalogOf(journal: Journal) {
  const problems: ReeveError[] = []
  return { catalog: openCatalog({ journal, kinds: catalogKinds, report: (error) => problems.push(error) }), problems }
}

const topicIn = (catalog: Catalog, name: string): TopicEntry | undefined => {
  const bytes = catalog.get(topicKey(name))
  return bytes && topicKind.decode(bytes)
}

test('a value is there once put has resolved, and again after a restart', async () => {
  const disk = new MemoryDisk()
  const first = await openOn(disk)
  const { catalog } = catalogOf(first.journal)
  await catalog.put(topicKey('orders'), settingsAt(5n, 10n))
  await catalog.put(topicKey('bills'), settingsAt(5n, 20n))
  assert.deepEqual(catalog.list('topic/'), ['topic/bills', 'topic/orders'])
  assert.equal(topicIn(catalog, 'orders')?.settings?.retentionBytes, 10n)
  disk.crash()
  const second = await openOn(disk, { epoch: epochB })
  const after = catalogOf(second.journal).catalog
  assert.equal(topicIn(after, 'orders')?.settings?.retentionBytes, 10n)
  await second.journal.close()
})

test('what the catalog knows already is not written again', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { catalog } = catalogOf(journal)
  await catalog.put(topicKey('orders'), settingsAt(5n, 10n))
  await catalog.put(topicKey('orders'), settingsAt(5n, 10n))
  await catalog.put(topicKey('orders'), settingsAt(4n, 9n))
  assert.equal(viewOf(journal, { topic: catalogTopic, origin: 'a', epoch: epochA }).end, 1)
  await journal.close()
})

test('a log of another node is folded as it arrives, and listeners of its keys hear of what changed', async () => {
  const a = await openOn(new MemoryDisk())
  const b = await openOn(new MemoryDisk(), { node: 'b', epoch: epochB })
  const atA = catalogOf(a.journal).catalog
  const atB = catalogOf(b.journal).catalog
  const heard: string[] = []
  const deaf = atB.changed('topic/', () => heard.push('never'))
  deaf()
  atB.changed('topic/', (key) => heard.push(key))
  atB.changed('cursor/', (key) => heard.push(key))
  await atB.put(topicKey('orders'), deletedAt(3n))
  await atA.put(topicKey('orders'), settingsAt(5n, 10n))
  const log = viewOf(a.journal, { topic: catalogTopic, origin: 'a', epoch: epochA })
  await b.journal.replicate(log.id, log.read(0, 1024))
  const merged = topicIn(atB, 'orders')
  assert.deepEqual([merged?.settings?.retentionBytes, merged?.deletedAt], [10n, 3n])
  assert.deepEqual(heard, ['topic/orders', 'topic/orders'])
  await Promise.all([a.journal.close(), b.journal.close()])
})

test('a listener that throws is reported and keeps nobody else from hearing', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { catalog, problems } = catalogOf(journal)
  const heard: string[] = []
  catalog.changed('topic/', () => {
    throw new Error('no')
  })
  catalog.changed('topic/', (key) => heard.push(key))
  await catalog.put(topicKey('orders'), settingsAt(5n, 10n))
  assert.deepEqual(heard, ['topic/orders'])
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['no'],
  )
  await journal.close()
})

test('what is too long is refused, and nothing is written', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { catalog } = catalogOf(journal)
  await assert.rejects(catalog.put('k'.repeat(513), new Uint8Array(0)), hasCode('REQUEST_MALFORMED'))
  await assert.rejects(catalog.put('later/x', new Uint8Array(valueMaxBytes + 1)), hasCode('REQUEST_MALFORMED'))
  assert.deepEqual(journal.logs(), [])
  await journal.close()
})

test('while the disk does not give back what it took, a node knows what it was told itself; the rest once it reads again', async () => {
  const disk = new MemoryDisk()
  const b = await openOn(disk, { node: 'b', epoch: epochB })
  const { catalog, problems } = catalogOf(b.journal)
  const a = await openOn(new MemoryDisk())
  await catalogOf(a.journal).catalog.put(topicKey('bills'), settingsAt(5n, 20n))
  disk.fail('read', 'EIO', { times: 1000 })
  await catalog.put(topicKey('orders'), settingsAt(5n, 10n))
  const id = { topic: catalogTopic, origin: 'a', epoch: epochA }
  await b.journal.replicate(id, viewOf(a.journal, id).read(0, 10_000))
  assert.equal(topicIn(catalog, 'orders')?.settings?.retentionBytes, 10n)
  assert.equal(topicIn(catalog, 'bills'), undefined)
  // Each log once, however often somebody asked.
  assert.equal(problems.length, 2)
  disk.heal()
  assert.equal(topicIn(catalog, 'bills')?.settings?.retentionBytes, 20n)
  await a.journal.close()
  await b.journal.close()
})
