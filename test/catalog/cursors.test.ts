import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { type Catalog, catalogTopic, openCatalog } from '../../src/catalog/catalog.ts'
import { type CursorEntry, cursorKey, cursorKind, encodeCursorEntry, placeIn } from '../../src/catalog/cursor-kind.ts'
import { Cursors } from '../../src/catalog/cursors.ts'
import { Declarations } from '../../src/catalog/declarations.ts'
import { expand } from '../../src/catalog/folding.ts'
import { kindsKnowing } from '../../src/catalog/kinds.ts'
import { nowhere, type Place, type Position, placesMax, stateFromPlace } from '../../src/catalog/place.ts'
import { foldOf } from '../../src/catalog/run-kind.ts'
import { topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import { openTopics } from '../../src/catalog/topics.ts'
import { CursorEntrySchema, TopicEntrySchema, TopicSettingsSchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../../src/log/journal.ts'
import { epochToBytes, logKey } from '../../src/log/log-id.ts'
import { defaultLogSettings } from '../../src/log/settings.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { epochA, epochB, hasCode, openOn } from '../log/scenery.ts'
import { Cluster } from '../replication/cluster.ts'
import { declaration, runOf } from './runs.ts'

const topic = 'orders'
const noLimits = { retentionMs: 0, retentionBytes: 0, retentionRecords: 0 }

function at(...offsets: [origin: string, run: number, offset: number][]): Place {
  const positions = new Map<string, Position>()
  for (const [origin, run, offset] of offsets) {
    const id = { topic, origin, epoch: runOf(run) }
    positions.set(logKey(id), { id, offset })
  }
  return { positions, folds: [] }
}

const offsetsOf = (place: Place | undefined) =>
  [...(place?.positions.values() ?? [])]
    .map(({ id, offset }) => `${id.origin}${Number.parseInt(id.epoch.slice(24), 16)}:${offset}`)
    .sort()

function cursorsOf(journal: Journal) {
  const declarations = new Declarations()
  const catalog: Catalog = openCatalog({ journal, kinds: kindsKnowing(declarations), report: assert.fail })
  return { catalog, declarations, cursors: new Cursors({ catalog, journal, declarations }) }
}

const writes = (journal: Journal) =>
  journal.log({ topic: catalogTopic, origin: journal.node, epoch: journal.epoch })?.end ?? 0

test('a commit moves a cursor on and never back; a reset does, and the commits after it count from there', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk)
  const { cursors } = cursorsOf(journal)
  assert.equal(cursors.get(topic, 'mill'), undefined)
  await cursors.commit(topic, 'mill', at(['a', 1, 5], ['b', 1, 9]))
  const moved = await cursors.commit(topic, 'mill', at(['a', 1, 7], ['b', 1, 3]))
  assert.deepEqual(offsetsOf(moved.place), ['a1:7', 'b1:9'])
  const back = await cursors.reset(topic, 'mill', at(['a', 1, 2]))
  assert.deepEqual(offsetsOf(back.place), ['a1:2'])
  await cursors.commit(topic, 'mill', at(['a', 1, 3]))
  assert.deepEqual(offsetsOf(cursors.get(topic, 'mill')?.place), ['a1:3'])
  await journal.close()
  const again = await openOn(disk, { epoch: epochB })
  assert.deepEqual(offsetsOf(cursorsOf(again.journal).cursors.get(topic, 'mill')?.place), ['a1:3'])
  await again.journal.close()
})

test('what a commit says that is known already is not written', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { cursors } = cursorsOf(journal)
  const first = await cursors.commit(topic, 'mill', at(['a', 1, 5]))
  const second = await cursors.commit(topic, 'mill', at(['a', 1, 4]))
  assert.deepEqual([writes(journal), second.timestamp], [1, first.timestamp])
  await journal.close()
})

test('commits that arrive while one is being written go together with the next, and each is answered when it is durable', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { cursors } = cursorsOf(journal)
  const all = Array.from({ length: 50 }, (_, n) => cursors.commit(topic, 'mill', at(['a', 1, n + 1], ['b', n + 1, 1])))
  const first = await Promise.race(all)
  assert.deepEqual([offsetsOf(first.place), writes(journal)], [['a1:1', 'b1:1'], 1])
  for (const { place } of (await Promise.all(all)).slice(1)) assert.equal(place.positions.size, 51)
  assert.equal(writes(journal), 2)
  await journal.close()
})

test('one after the other they keep their order: what was deleted begins anew', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { cursors } = cursorsOf(journal)
  const steps = [
    cursors.commit(topic, 'mill', at(['a', 1, 9])),
    cursors.delete(topic, 'mill'),
    cursors.commit(topic, 'mill', at(['a', 1, 1])),
    cursors.commit(topic, 'mill', at(['a', 1, 2])),
    cursors.reset(topic, 'oven', nowhere),
  ]
  await Promise.all(steps)
  assert.deepEqual(
    cursors.list(topic).map(({ name, place }) => [name, offsetsOf(place)]),
    [
      ['mill', ['a1:2']],
      ['oven', []],
    ],
  )
  await cursors.delete(topic, 'oven')
  await assert.rejects(cursors.delete(topic, 'oven'), hasCode('CURSOR_UNKNOWN'))
  await assert.rejects(cursors.delete('bills', 'mill'), hasCode('CURSOR_UNKNOWN'))
  assert.deepEqual(
    cursors.list(topic).map(({ name }) => name),
    ['mill'],
  )
  await journal.close()
})

test('a commit that makes it too long is refused, and the next one is not', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { cursors } = cursorsOf(journal)
  const many = at(...Array.from({ length: placesMax }, (_, n): [string, number, number] => ['a', n, 1]))
  const tooMany = at(['b', 1, 1], ...Array.from({ length: placesMax }, (_, n): [string, number, number] => ['a', n, 1]))
  await assert.rejects(cursors.commit(topic, 'mill', tooMany), hasCode('CURSOR_INVALID'))
  await cursors.commit(topic, 'mill', many)
  await assert.rejects(cursors.commit(topic, 'mill', at(['b', 1, 1])), hasCode('CURSOR_INVALID'))
  await cursors.commit(topic, 'mill', at(['a', 1, 2]))
  await journal.close()
})

test('it is kept as short as the declarations allow, from commit to commit', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { cursors, declarations } = cursorsOf(journal)
  const first = declaration({ by: 2, run: 1, ends: { orders: 5 } })
  declarations.add(first)
  await cursors.commit(topic, 'mill', at(['a', 1, 5], ['a', 2, 3]))
  assert.deepEqual(cursors.get(topic, 'mill')?.place.folds, [foldOf(first)])
  const second = declaration({ by: 3, run: 2, ends: { orders: 3 }, follows: [foldOf(first)] })
  declarations.add(second)
  const { place } = await cursors.commit(topic, 'mill', at(['a', 3, 1]))
  assert.deepEqual([place.folds, offsetsOf(place)], [[foldOf(second)], ['a3:1']])
  await journal.close()
})

const anyEntry = fc
  .record({
    generation: fc.bigInt(0n, 2n),
    origin: fc.constantFrom('', 'a'),
    timestamp: fc.bigInt(0n, 3n),
    deleted: fc.boolean(),
    offsets: fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(2), fc.nat(3)), { maxLength: 4 }),
    folds: fc.uniqueArray(fc.constantFrom(1, 2, 3), { maxLength: 2 }),
    epoch: fc.constantFrom(new Uint8Array(0), epochToBytes(epochA)),
  })
  .map(({ offsets, folds, ...rest }) => {
    const place = { ...at(...offsets), folds: folds.map((n) => ({ origin: 'a', epoch: runOf(n), number: 1 })) }
    return create(CursorEntrySchema, { version: 1, ...rest, state: stateFromPlace(topic, place) })
  })

const bytesOf = (entry: CursorEntry) => Buffer.from(encodeCursorEntry(entry)).toString('hex')

test('named cursors merge the same way in every order, every grouping and any number of times', () => {
  const { merge } = cursorKind(new Declarations())
  fc.assert(
    fc.property(anyEntry, anyEntry, anyEntry, (a, b, c) => {
      assert.equal(bytesOf(merge(a, b)), bytesOf(merge(b, a)))
      assert.equal(bytesOf(merge(merge(a, b), c)), bytesOf(merge(a, merge(b, c))))
      assert.equal(bytesOf(merge(a, a)), bytesOf(a))
      assert.equal(bytesOf(merge(merge(a, b), b)), bytesOf(merge(a, b)))
    }),
    { numRuns: 500 },
  )
})

test('nodes that know different declarations merge to cursors that say the same', () => {
  const entries = [
    declaration({ by: 1, run: 0, ends: { orders: 1 } }),
    declaration({ by: 2, run: 1, ends: { orders: 2 }, follows: [{ origin: 'a', epoch: runOf(1), number: 1 }] }),
    declaration({ by: 3, run: 2, ends: { orders: 2 }, follows: [{ origin: 'a', epoch: runOf(2), number: 1 }] }),
  ]
  const knowing = (count: number) => {
    const declarations = new Declarations()
    for (const entry of entries.slice(0, count)) declarations.add(entry)
    return declarations
  }
  const all = knowing(3)
  const meaning = (entry: CursorEntry) =>
    offsetsOf({ positions: expand(all, topic, placeIn(entry)).positions, folds: [] })
  fc.assert(
    fc.property(anyEntry, anyEntry, anyEntry, fc.nat(3), fc.nat(3), (a, b, c, few, more) => {
      const [one, other] = [cursorKind(knowing(few)), cursorKind(knowing(more))]
      assert.deepEqual(meaning(one.merge(one.merge(a, b), c)), meaning(other.merge(other.merge(c, a), b)))
    }),
    { numRuns: 500 },
  )
})

test('two sides of a partition commit; after it the cursor stands at the further of both everywhere', async () => {
  const cluster = new Cluster()
  await cluster.startAll('a', 'b', 'c')
  const cursorsAt = (name: string) => {
    const { journal, catalog } = cluster.node(name)
    return new Cursors({ journal: journal!, catalog: catalog!, declarations: new Declarations() })
  }
  const standsAt = (name: string) => offsetsOf(cursorsAt(name).get(topic, 'mill')?.place).join()
  cluster.world.partition([['a'], ['b', 'c']])
  await cluster.world.complete(cursorsAt('a').commit(topic, 'mill', at(['a', 1, 4], ['b', 1, 1])))
  await cluster.world.complete(cursorsAt('b').commit(topic, 'mill', at(['a', 1, 2], ['b', 1, 8])))
  await cluster.until(() => standsAt('c') === 'a1:2,b1:8')
  assert.equal(standsAt('a'), 'a1:4,b1:1')
  cluster.world.heal()
  await cluster.until(() => ['a', 'b', 'c'].every((name) => standsAt(name) === 'a1:4,b1:8'))
  await cluster.world.complete(cursorsAt('c').reset(topic, 'mill', nowhere))
  await cluster.until(() => ['a', 'b', 'c'].every((name) => standsAt(name) === ''))
  await cluster.stopAll()
})

/** As a node does that hears of it with the catalog. */
function deletionAt(deletedAt: bigint): Uint8Array {
  return topicKind.encode(create(TopicEntrySchema, { version: topicVersion, deletedAt }))
}

test('the deletion of a topic ends its cursors, and only those; who goes on then begins with what is said from then on', async () => {
  const { journal } = await openOn(new MemoryDisk())
  const { catalog, cursors } = cursorsOf(journal)
  const topics = openTopics(catalog, journal, { ...defaultLogSettings, maxRecordBytes: 1000, ...noLimits })
  await topics.set(topic, create(TopicSettingsSchema), true)
  await cursors.commit(topic, 'mill', at(['a', 1, 5]))
  await cursors.reset(topic, 'oven', at(['a', 1, 7]))
  const ahead = create(CursorEntrySchema, { version: 1, generation: journal.timestamp() + 10n ** 15n })
  await catalog.put(cursorKey(topic, 'of a clock far ahead'), encodeCursorEntry(ahead))
  await cursors.commit('bills', 'mill', at(['a', 1, 5]))
  await topics.delete(topic)
  assert.deepEqual([cursors.list(topic), cursors.get(topic, 'oven')], [[], undefined])
  assert.equal(cursors.list('bills').length, 1)
  await assert.rejects(cursors.delete(topic, 'mill'), hasCode('CURSOR_UNKNOWN'))

  await cursors.commit(topic, 'mill', at(['b', 1, 1]))
  await cursors.commit(topic, 'mill', at(['b', 1, 2]))
  await cursors.reset(topic, 'oven', at(['b', 1, 3]))
  assert.deepEqual(
    cursors.list(topic).map(({ name, place }) => [name, offsetsOf(place)]),
    [
      ['mill', ['b1:2']],
      ['oven', ['b1:3']],
    ],
  )
  assert.equal(topics.exists(topic), false, 'a cursor makes no topic')
  await topics.set(topic, create(TopicSettingsSchema), true)
  await topics.delete(topic)
  assert.deepEqual(cursors.list(topic), [])
  await journal.close()
})

test('a commit of who has not heard of the deletion brings nothing back; those of who has are joined on all nodes', async () => {
  const cluster = new Cluster()
  const nodes = await cluster.startAll('a', 'b', 'c')
  const cursorsAt = (name: string) => {
    const { journal, catalog } = cluster.node(name)
    return new Cursors({ journal: journal!, catalog: catalog!, declarations: new Declarations() })
  }
  const standsAt = (name: string) => offsetsOf(cursorsAt(name).get(topic, 'mill')?.place).join()
  const commit = (name: string, ...places: Parameters<typeof at>) =>
    cluster.world.complete(cursorsAt(name).commit(topic, 'mill', at(...places)))
  await commit('a', ['a', 1, 4])
  await cluster.until(() => nodes.every(({ name }) => standsAt(name) === 'a1:4'))
  cluster.world.partition([['a', 'b'], ['c']])
  const deletedAt = cluster.node('a').journal!.timestamp()
  await cluster.world.complete(cluster.node('a').catalog!.put(topicKey(topic), deletionAt(deletedAt)))
  await cluster.world.run({ untilMs: cluster.world.now + 30_000 })
  await commit('c', ['a', 1, 9])
  assert.equal(standsAt('c'), 'a1:9')
  await commit('a', ['b', 1, 1])
  cluster.world.heal()
  await cluster.until(() => nodes.every(({ name }) => standsAt(name) === 'b1:1'))

  cluster.world.partition([['a'], ['b'], ['c']])
  await commit('b', ['b', 1, 5])
  await commit('c', ['c', 1, 2])
  cluster.world.heal()
  await cluster.until(() => nodes.every(({ name }) => standsAt(name) === 'b1:5,c1:2'))
  await cluster.stopAll()
})

test('a state that is said anew leaves out what the deletion of a topic ended', async () => {
  const disk = new MemoryDisk()
  const { journal } = await openOn(disk)
  const { catalog, cursors } = cursorsOf(journal)
  for (let n = 0; n < 50; n++) await cursors.commit(topic, `mill ${n}`, at(['a', 1, n]))
  const entry = catalog.get(cursorKey(topic, 'mill 3'))!
  const before = catalog.bytes
  await catalog.put(topicKey(topic), deletionAt(journal.timestamp()))
  assert.ok(catalog.bytes < before / 10)
  await catalog.checkpoint()
  const log = journal.topicLogs(catalogTopic)[0]!
  await journal.trim(log.id, catalog.coveredTo(log.key), async () => true)
  await journal.close()
  const again = await openOn(disk, { epoch: epochB })
  const { catalog: restarted, cursors: anew } = cursorsOf(again.journal)
  assert.deepEqual(restarted.list('cursor/'), [])
  // As it comes from a node that was away.
  await restarted.put(cursorKey(topic, 'mill 3'), entry)
  assert.deepEqual(anew.list(topic), [])
  await anew.commit(topic, 'mill 3', at(['b', 1, 1]))
  assert.deepEqual(offsetsOf(anew.get(topic, 'mill 3')?.place), ['b1:1'])
  await again.journal.close()
})
