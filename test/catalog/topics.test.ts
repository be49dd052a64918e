import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { openCatalog } from '../../src/catalog/catalog.ts'
import { catalogKinds } from '../../src/catalog/kinds.ts'
import { settingBounds } from '../../src/catalog/setting-bounds.ts'
import { topicKey, topicKind, topicVersion } from '../../src/catalog/topic-kind.ts'
import { openTopics, type Topics } from '../../src/catalog/topics.ts'
import { ReeveError } from '../../src/errors.ts'
import { TopicEntrySchema, TopicSettingsSchema } from '../../src/gen/reeve/v1/catalog_pb.ts'
import type { Journal } from '../../src/log/journal.ts'
import { MemoryDisk } from '../log/memory-disk.ts'
import { appendAll, batchOf, epochB, hasCode, idOf, openOn, viewOf } from '../log/scenery.ts'

const defaults = {
  retentionMs: 5000,
  retentionBytes: 0,
  retentionRecords: 0,
  segmentMaxBytes: 1 << 20,
  maxRecordBytes: 1000,
}
const settings = (init: Parameters<typeof create<typeof TopicSettingsSchema>>[1]) => create(TopicSettingsSchema, init)

function topicsOn(journal: Journal): { topics: Topics; put: (bytes: Uint8Array, name?: string) => Promise<void> } {
  const catalog = openCatalog({ journal, kinds: catalogKinds, report: (error) => assert.fail(error) })
  return {
    topics: openTopics(catalog, journal, defaults),
    put: (bytes, name = 'orders') => catalog.put(topicKey(name), bytes),
  }
}

describe('settings of a topic', () => {
  test('are in force at once, outlive a restart, and what they leave open is as the node’s configuration says', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    const { topics } = topicsOn(journal)
    const changed: string[] = []
    topics.onChange((name) => changed.push(name))
    assert.deepEqual(topics.policy('orders').retention, { maxAgeMs: 5000, maxBytes: 0, maxRecords: 0, deletedAt: 0n })
    await topics.set('orders', settings({ retentionBytes: 70_000n, maxRecordBytes: 10 }), false)
    assert.deepEqual(changed, ['orders'])
    const policy = {
      retention: { maxAgeMs: 5000, maxBytes: 70_000, maxRecords: 0, deletedAt: 0n },
      segmentMaxBytes: 1 << 20,
      maxRecordBytes: 10,
    }
    assert.deepEqual(topics.policy('orders'), policy)
    await topics.set('orders', settings({ retentionMs: 0n, maxRecordBytes: 5_000_000 }), false)
    assert.deepEqual(topics.policy('orders').retention.maxAgeMs, 0)
    assert.equal(topics.policy('orders').retention.maxBytes, 0, 'all of them are given anew')
    assert.equal(topics.policy('orders').maxRecordBytes, 1000, 'no more than this node takes')
    await journal.close()
    const { journal: next } = await openOn(disk, { epoch: epochB })
    const { topics: again } = topicsOn(next)
    assert.equal(again.policy('orders').retention.maxAgeMs, 0)
    assert.deepEqual(again.names(), ['orders'])
    await next.close()
  })

  test('beyond their bounds are refused with the bound, and change nothing', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const { topics } = topicsOn(journal)
    for (const [name, [min, max]] of Object.entries(settingBounds)) {
      const number = (value: number) => (name === 'maxRecordBytes' ? value : BigInt(value))
      const zero = name.startsWith('retention') ? 0 : min
      for (const value of [min, max, zero]) await topics.set('orders', settings({ [name]: number(value) }), false)
      for (const value of [min - 1, max + 1]) {
        if (value === 0 && zero === 0) continue
        await assert.rejects(topics.set('orders', settings({ [name]: number(value) }), false), (error) => {
          assert.ok(error instanceof ReeveError && error.code === 'TOPIC_SETTINGS_INVALID')
          const facts = { setting: name, value: String(value), min: String(min), max: String(max) }
          assert.deepEqual(error.facts, facts)
          return true
        })
      }
    }
    await journal.close()
  })

  test('of a later change win, also over those of a clock that is ahead', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const { topics, put } = topicsOn(journal)
    const ahead = journal.timestamp() + (3_600_000n << 16n)
    const entry = { version: topicVersion, timestamp: ahead, deletedAt: ahead + 5n, settings: { retentionMs: 1n } }
    await put(topicKind.encode(create(TopicEntrySchema, entry)))
    assert.equal(topics.settings('orders'), undefined, 'its deletion is later')
    await topics.set('orders', settings({ retentionMs: 2000n }), false)
    assert.equal(topics.settings('orders')?.retentionMs, 2000n)
    await journal.close()
  })

  test('can be for a new topic only', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const { topics } = topicsOn(journal)
    await topics.set('orders', settings({}), true)
    await assert.rejects(topics.set('orders', settings({}), true), hasCode('TOPIC_EXISTS'))
    await appendAll(journal, 'clicks', ['one'])
    await assert.rejects(topics.set('clicks', settings({}), true), hasCode('TOPIC_EXISTS'))
    await topics.delete('clicks')
    await topics.set('clicks', settings({}), true)
    await journal.close()
  })
})

describe('a deleted topic', () => {
  test('has neither records nor settings, is not listed, and comes back with its next record', async () => {
    const disk = new MemoryDisk()
    const { journal } = await openOn(disk)
    const { topics } = topicsOn(journal)
    await topics.set('orders', settings({ maxRecordBytes: 9 }), false)
    await appendAll(journal, 'orders', ['one', 'two'])
    await topics.delete('orders')
    const log = viewOf(journal, idOf('orders'))
    assert.deepEqual([log.start, log.end], [2, 2])
    assert.deepEqual([topics.names(), topics.settings('orders'), topics.exists('orders')], [[], undefined, false])
    assert.equal(topics.policy('orders').maxRecordBytes, 1000)
    await assert.rejects(topics.delete('orders'), hasCode('TOPIC_UNKNOWN'))
    await journal.append('orders', batchOf('three'), 1)
    assert.deepEqual([topics.names(), log.start, log.end], [['orders'], 2, 3])
    await journal.close()
    const { journal: next } = await openOn(disk, { epoch: epochB })
    const { topics: again } = topicsOn(next)
    assert.deepEqual([again.names(), viewOf(next, idOf('orders')).start], [['orders'], 2])
    await again.delete('orders')
    assert.deepEqual(again.names(), [])
    await next.close()
  })

  test('loses what a clock that is ahead wrote before, too', async () => {
    const { journal } = await openOn(new MemoryDisk())
    const { topics, put } = topicsOn(journal)
    const ahead = journal.timestamp() + (3_600_000n << 16n)
    await put(topicKind.encode(create(TopicEntrySchema, { version: topicVersion, deletedAt: ahead })))
    await appendAll(journal, 'orders', ['after that deletion'])
    assert.deepEqual(topics.names(), ['orders'])
    await topics.delete('orders')
    assert.deepEqual(topics.names(), [])
    await journal.close()
  })
})
