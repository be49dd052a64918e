import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { catalogKinds } from '../../src/catalog/kinds.ts'
import { CatalogState } from '../../src/catalog/state.ts'
import { isDeclared, type TopicEntry, topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import { TopicEntrySchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import { epochToBytes } from '../../src/log/log-id.ts'
import { epochA, epochB } from '../log/scenery.ts'

const entry = (
  init: Partial<Pick<TopicEntry, 'timestamp' | 'origin' | 'epoch' | 'deletedAt'>> & { bytes?: bigint },
) => {
  const { bytes, ...rest } = init
  const settings = bytes === undefined ? {} : { settings: { retentionBytes: bytes } }
  return create(TopicEntrySchema, { version: topicVersion, ...rest, ...settings })
}

const anyEntry = fc
  .record({
    timestamp: fc.bigInt(0n, 3n),
    origin: fc.constantFrom('a', 'b'),
    epoch: fc.constantFrom(epochToBytes(epochA), epochToBytes(epochB)),
    deletedAt: fc.bigInt(0n, 3n),
    bytes: fc.option(fc.bigInt(0n, 2n), { nil: undefined }),
  })
  .map((init) => entry(init as Parameters<typeof entry>[0]))

const bytesOf = (value: TopicEntry) => Buffer.from(topicKind.encode(value)).toString('hex')
const contentOf = (state: CatalogState) =>
  [...state.all()].map(({ key, value }) => `${key} ${Buffer.from(value).toString('hex')}`)

test('topics merge the same way in every order, every grouping and any number of times', () => {
  fc.assert(
    fc.property(anyEntry, anyEntry, anyEntry, (a, b, c) => {
      const { merge } = topicKind
      assert.equal(bytesOf(merge(a, b)), bytesOf(merge(b, a)))
      assert.equal(bytesOf(merge(merge(a, b), c)), bytesOf(merge(a, merge(b, c))))
      assert.equal(bytesOf(merge(a, a)), bytesOf(a))
      assert.equal(bytesOf(merge(merge(a, b), b)), bytesOf(merge(a, b)))
    }),
  )
})

test('two nodes that hear the same in different orders, one of them twice, have one state, strange values included', () => {
  const value = fc.oneof(
    anyEntry.map((one) => ({ key: topicKey('orders'), value: topicKind.encode(one) })),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => ({ key: 'later/thing', value: bytes })),
    fc.uint8Array({ maxLength: 3 }).map((bytes) => ({ key: topicKey('odd'), value: bytes })),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (values, chance) => {
      const one = new CatalogState(catalogKinds)
      for (const { key, value } of values) one.fold(key, value)
      const other = new CatalogState(catalogKinds)
      const order = [...values, ...values].map((each) => ({ each, at: chance.next().value as number }))
      for (const { each } of order.sort((a, b) => a.at - b.at)) other.fold(each.key, each.value)
      assert.deepEqual(contentOf(other), contentOf(one))
      // What a checkpoint carries makes the same state again.
      const third = new CatalogState(catalogKinds)
      for (const { key, value } of one.all()) third.fold(key, value)
      assert.deepEqual(contentOf(third), contentOf(one))
    }),
  )
})

test('the later settings win, and a deletion that an older change knew nothing of stays', () => {
  const state = new CatalogState(catalogKinds)
  const key = topicKey('orders')
  assert.equal(state.fold(key, topicKind.encode(entry({ timestamp: 5n, origin: 'a', bytes: 10n }))), true)
  assert.equal(state.fold(key, topicKind.encode(entry({ timestamp: 4n, origin: 'b', bytes: 20n }))), false)
  assert.equal(state.fold(key, topicKind.encode(entry({ deletedAt: 6n }))), true)
  const value = topicKind.decode(state.get(key) as Uint8Array) as TopicEntry
  assert.deepEqual([value.settings?.retentionBytes, value.deletedAt, isDeclared(value)], [10n, 6n, false])
  state.fold(key, topicKind.encode(entry({ timestamp: 7n, origin: 'a', bytes: 30n })))
  assert.equal(isDeclared(topicKind.decode(state.get(key) as Uint8Array) as TopicEntry), true)
})

test('what a newer version wrote is handed on as it is, and fields it added survive a merge', () => {
  const state = new CatalogState(catalogKinds)
  const key = topicKey('orders')
  const newer = toBinary(TopicEntrySchema, create(TopicEntrySchema, { version: 2, timestamp: 9n }))
  assert.equal(state.fold(key, newer), false)
  assert.equal(state.get(key), undefined)
  const withMore = Buffer.concat([
    topicKind.encode(entry({ timestamp: 5n, bytes: 1n })),
    Buffer.from([0xf8, 0x01, 0x07]),
  ])
  state.fold(key, withMore)
  state.fold(key, topicKind.encode(entry({ deletedAt: 3n })))
  const merged = fromBinary(TopicEntrySchema, state.get(key) as Uint8Array)
  assert.equal(merged.deletedAt, 3n)
  assert.deepEqual(
    merged.$unknown?.map(({ no }) => no),
    [31],
  )
  assert.deepEqual(
    [...state.all()].map(({ value }) => Buffer.from(value).equals(newer)),
    [false, true],
  )
})
